-- What banks tell by themselves: transfers that came back, and money that arrived. Amounts are whole won, times are
-- UTC. Account numbers and the memo are sealed (AES-GCM).

-- +goose Up
-- firmbanking_id is the transfer that came back by this notice, NULL for none: a transfer comes back once.
CREATE TABLE bank_notices (
    id                     VARCHAR(30) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    bank_notice_id         VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    type                   VARCHAR(24) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    reference              VARCHAR(128) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    bank_transaction_id    VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    amount                 BIGINT NOT NULL,
    reason                 VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    firmbanking_id         VARCHAR(30) CHARACTER SET ascii COLLATE ascii_bin NULL,
    account_bank_code      VARCHAR(3) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    account_sealed         VARBINARY(160) NOT NULL,
    counterparty_bank_code VARCHAR(3) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    counterparty_sealed    VARBINARY(160) NOT NULL,
    memo_sealed            VARBINARY(600) NOT NULL,
    state                  VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    failure                VARCHAR(2000) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NULL,
    until_at               DATETIME(6) NULL,
    at                     DATETIME(6) NOT NULL,
    created_at             DATETIME(6) NOT NULL,
    updated_at             DATETIME(6) NOT NULL,
    PRIMARY KEY (id),
    UNIQUE KEY bank_notices_bank_notice (bank_notice_id),
    UNIQUE KEY bank_notices_firmbanking (firmbanking_id),
    KEY bank_notices_created (created_at, id),
    KEY bank_notices_state (state, created_at, id),
    KEY bank_notices_type (type, created_at, id),
    CONSTRAINT bank_notices_type_known CHECK (type IN ('TRANSFER_RETURNED', 'DEPOSIT')),
    CONSTRAINT bank_notices_amount CHECK (amount BETWEEN 1 AND 1000000000000000),
    CONSTRAINT bank_notices_reason CHECK ((type = 'TRANSFER_RETURNED') = (reason <> '')),
    CONSTRAINT bank_notices_returns CHECK (type = 'TRANSFER_RETURNED' OR firmbanking_id IS NULL),
    CONSTRAINT bank_notices_state_known CHECK (state IN ('REQUESTED', 'PROCESSING', 'WAITING', 'UNKNOWN', 'SUCCEEDED', 'FAILED', 'CANCELLED', 'RETURNED'))
) ENGINE = InnoDB;

-- +goose Down
DROP TABLE bank_notices;
