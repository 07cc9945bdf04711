"""Facts by question, who waits for them, and contacts that are to be said again."""

from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Make the tables."""
    op.execute("""
        -- What outside services said, under the question asked. `answer` is JSON; NULL: asked, and nothing there.
        CREATE TABLE runtime.fact (
            service text NOT NULL,
            kind text NOT NULL,
            subject text NOT NULL,
            answer text,
            provider text NOT NULL,
            at timestamptz NOT NULL,
            expires_at timestamptz NOT NULL,
            revision integer NOT NULL,
            changed_at timestamptz NOT NULL,
            PRIMARY KEY (service, kind, subject)
        );
        CREATE INDEX fact_changed ON runtime.fact (service, changed_at);
        CREATE INDEX fact_expires ON runtime.fact (service, expires_at);

        -- Questions to be asked, leased to the worker that asks; the epoch tells a late answer from one in time.
        CREATE TABLE runtime.question (
            service text NOT NULL,
            kind text NOT NULL,
            subject text NOT NULL,
            due_at timestamptz NOT NULL,
            leased_until timestamptz,
            leased_by text,
            epoch integer NOT NULL DEFAULT 0,
            attempts integer NOT NULL DEFAULT 0,
            PRIMARY KEY (service, kind, subject)
        ) WITH (fillfactor = 80, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000);
        CREATE INDEX question_due ON runtime.question (service, kind, due_at);

        -- Which contact waits for which answer, and the revision it has seen: the comparison wakes it, not the event.
        CREATE TABLE runtime.waiter (
            service text NOT NULL,
            contact_id uuid NOT NULL,
            kind text NOT NULL,
            subject text NOT NULL,
            version bigint NOT NULL,
            revision integer NOT NULL,
            PRIMARY KEY (service, contact_id, kind, subject)
        ) WITH (fillfactor = 80);
        CREATE INDEX waiter_question ON runtime.waiter (service, kind, subject);

        -- Contacts to be said again, each once however many reasons there are.
        CREATE TABLE runtime.refresh_due (
            service text NOT NULL,
            contact_id uuid NOT NULL,
            activation text NOT NULL,
            reasons text[] NOT NULL,
            cause_kind text NOT NULL,
            since timestamptz NOT NULL,
            PRIMARY KEY (service, contact_id)
        ) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000);
        CREATE INDEX refresh_since ON runtime.refresh_due (service, since);
    """)


def downgrade() -> None:
    """Take them away."""
    op.execute("DROP TABLE runtime.fact, runtime.question, runtime.waiter, runtime.refresh_due")
