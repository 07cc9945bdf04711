"""The tables of dated rules and notifications: when to look again, what was requested once, what is on its way."""

from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Make the tables."""
    op.execute("""
        -- When a contact is to be looked at again; a wake-up only, what follows is computed from the contact then.
        CREATE TABLE rules.timer (
            contact_id uuid PRIMARY KEY,
            version bigint NOT NULL,
            due_at timestamptz NOT NULL
        ) WITH (fillfactor = 85);
        CREATE INDEX timer_due ON rules.timer (due_at);

        -- What a rule requested at an occasion, once: for the contact and for all that were merged into it.
        CREATE TABLE rules.firing (
            contact_id uuid NOT NULL,
            rule text NOT NULL,
            part text NOT NULL,
            occasion text NOT NULL,
            at timestamptz NOT NULL,
            PRIMARY KEY (contact_id, rule, part, occasion)
        );

        -- Notifications on their way: ids and codes, no address and no words. `attempts` is the lease's epoch.
        CREATE TABLE rules.delivery (
            notification_id uuid PRIMARY KEY,
            contact_id uuid NOT NULL,
            rule text NOT NULL,
            part text NOT NULL,
            occasion text NOT NULL,
            version bigint NOT NULL,
            requested_at timestamptz NOT NULL,
            expires_at timestamptz,
            once boolean NOT NULL,
            attempts int NOT NULL DEFAULT 0,
            due_at timestamptz NOT NULL,
            ended text
        ) WITH (fillfactor = 85);
        CREATE INDEX delivery_due ON rules.delivery (due_at) WHERE ended IS NULL;
        CREATE INDEX delivery_contact ON rules.delivery (contact_id);
    """)


def downgrade() -> None:
    """Take them away."""
    op.execute("DROP TABLE rules.delivery, rules.firing, rules.timer")
