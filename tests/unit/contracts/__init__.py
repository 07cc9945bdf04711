"""What subscribers may rely on."""
