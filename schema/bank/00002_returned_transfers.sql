-- An accepted transfer can be sent back later. Its reason then says why; decided_at stays what it was.

-- +goose Up
ALTER TABLE transfers
    DROP CONSTRAINT transfers_status_known,
    DROP CONSTRAINT transfers_reason,
    ADD COLUMN returned_at DATETIME(6) NULL,
    ADD CONSTRAINT transfers_states CHECK (status IN ('PENDING', 'ACCEPTED', 'REJECTED', 'RETURNED')),
    ADD CONSTRAINT transfers_reasons CHECK ((status IN ('REJECTED', 'RETURNED')) = (reason <> '')),
    ADD CONSTRAINT transfers_returned CHECK ((status = 'RETURNED') = (returned_at IS NOT NULL));

-- +goose Down
ALTER TABLE transfers
    DROP CONSTRAINT transfers_returned,
    DROP CONSTRAINT transfers_reasons,
    DROP CONSTRAINT transfers_states,
    DROP COLUMN returned_at,
    ADD CONSTRAINT transfers_status_known CHECK (status IN ('PENDING', 'ACCEPTED', 'REJECTED')),
    ADD CONSTRAINT transfers_reason CHECK ((status = 'REJECTED') = (reason <> ''));
