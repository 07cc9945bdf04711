"""What is fetched from vendors whose hooks only say that something happened."""

revision = "0018"
down_revision = "0017"


def upgrade() -> None:
    """Nothing yet."""
