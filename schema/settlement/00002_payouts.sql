-- Attempts to pay statements, and the four-eyes requests for another attempt. Times are UTC.

-- +goose Up
-- settled_statement_id is the statement while this attempt has paid it: being unique, no statement is paid by two.
CREATE TABLE payouts (
    id                   VARCHAR(36) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    statement_id         VARCHAR(30) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    attempt              INT NOT NULL,
    firmbanking_id       VARCHAR(30) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    settled_statement_id VARCHAR(30) CHARACTER SET ascii COLLATE ascii_bin NULL,
    state                VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    failure              VARCHAR(2000) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NULL,
    until_at             DATETIME(6) NULL,
    created_at           DATETIME(6) NOT NULL,
    updated_at           DATETIME(6) NOT NULL,
    PRIMARY KEY (id),
    UNIQUE KEY payouts_attempt (statement_id, attempt),
    UNIQUE KEY payouts_firmbanking (firmbanking_id),
    UNIQUE KEY payouts_settled (settled_statement_id),
    CONSTRAINT payouts_attempt_positive CHECK (attempt >= 1),
    CONSTRAINT payouts_state_known CHECK (state IN ('REQUESTED', 'PROCESSING', 'WAITING', 'UNKNOWN', 'SUCCEEDED', 'FAILED', 'CANCELLED', 'RETURNED')),
    CONSTRAINT payouts_settled_known CHECK (
        (state = 'SUCCEEDED' AND settled_statement_id IS NOT NULL AND settled_statement_id = statement_id)
        OR (state <> 'SUCCEEDED' AND settled_statement_id IS NULL))
) ENGINE = InnoDB;

-- open_statement_id is the statement while the request is open: one at a time.
CREATE TABLE payout_retries (
    id                VARCHAR(30) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    statement_id      VARCHAR(30) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    open_statement_id VARCHAR(30) CHARACTER SET ascii COLLATE ascii_bin NULL,
    attempt           INT NOT NULL,
    state             VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    asked_by          VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    decided_by        VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    reason            VARCHAR(200) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
    created_at        DATETIME(6) NOT NULL,
    updated_at        DATETIME(6) NOT NULL,
    PRIMARY KEY (id),
    UNIQUE KEY payout_retries_open (open_statement_id),
    KEY payout_retries_listed (statement_id, created_at, id),
    CONSTRAINT payout_retries_state_known CHECK (
        (state = 'REQUESTED' AND decided_by = '' AND open_statement_id IS NOT NULL AND open_statement_id = statement_id)
        OR (state IN ('APPROVED', 'REJECTED') AND decided_by <> '' AND open_statement_id IS NULL)),
    CONSTRAINT payout_retries_four_eyes CHECK (state <> 'APPROVED' OR decided_by <> asked_by),
    CONSTRAINT payout_retries_attempt CHECK (attempt >= 2)
) ENGINE = InnoDB;

-- +goose Down
DROP TABLE payout_retries;
DROP TABLE payouts;
