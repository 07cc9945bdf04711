"""Where and how Kontaktwerk runs: configuration, migrations, containers, and this machine."""
