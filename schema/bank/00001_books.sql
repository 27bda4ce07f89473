-- The simulated bank's own books. Amounts are whole won, times are UTC.

-- +goose Up
CREATE TABLE accounts (
    bank_code       VARCHAR(3) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    account_number  VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    holder_name     VARCHAR(50) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
    state           VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    opening_balance BIGINT NOT NULL,
    balance         BIGINT NOT NULL,
    opened_at       DATETIME(6) NOT NULL,
    last_entry_at   DATETIME(6) NOT NULL,
    PRIMARY KEY (bank_code, account_number),
    CONSTRAINT accounts_state CHECK (state IN ('OPEN', 'CLOSED', 'SUSPENDED', 'REPORTED')),
    CONSTRAINT accounts_opening_balance CHECK (opening_balance BETWEEN 0 AND 1000000000000000),
    CONSTRAINT accounts_balance CHECK (balance BETWEEN 0 AND 1000000000000000)
) ENGINE = InnoDB;

-- PENDING is only ever seen by the transaction that decides: the row is written first, so that an inquiry waits for the decision.
CREATE TABLE transfers (
    id                  BIGINT NOT NULL AUTO_INCREMENT,
    reference           VARCHAR(128) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    fingerprint         BINARY(32) NOT NULL,
    from_bank_code      VARCHAR(3) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    from_account_number VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    to_bank_code        VARCHAR(3) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    to_account_number   VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    amount              BIGINT NOT NULL,
    memo                VARCHAR(100) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
    valid_until         DATETIME(6) NOT NULL,
    status              VARCHAR(8) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    reason              VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL DEFAULT '',
    decided_at          DATETIME(6) NULL,
    PRIMARY KEY (id),
    UNIQUE KEY transfers_reference (reference),
    CONSTRAINT transfers_amount CHECK (amount BETWEEN 1 AND 1000000000000000),
    CONSTRAINT transfers_status_known CHECK (status IN ('PENDING', 'ACCEPTED', 'REJECTED')),
    CONSTRAINT transfers_reason CHECK ((status = 'REJECTED') = (reason <> '')),
    CONSTRAINT transfers_decided CHECK ((status = 'PENDING') = (decided_at IS NULL))
) ENGINE = InnoDB;

-- Append-only. Ids grow in commit order within an account, because its row is locked while they are drawn; so do the times.
CREATE TABLE entries (
    id                          BIGINT NOT NULL AUTO_INCREMENT,
    bank_code                   VARCHAR(3) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    account_number              VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    at                          DATETIME(6) NOT NULL,
    reference                   VARCHAR(128) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    direction                   VARCHAR(3) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    amount                      BIGINT NOT NULL,
    balance_after               BIGINT NOT NULL,
    counterparty_bank_code      VARCHAR(3) CHARACTER SET ascii COLLATE ascii_bin NULL,
    counterparty_account_number VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NULL,
    memo                        VARCHAR(100) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
    PRIMARY KEY (id),
    UNIQUE KEY entries_reference (bank_code, account_number, reference),
    KEY entries_statement (bank_code, account_number, at, id),
    CONSTRAINT entries_account FOREIGN KEY (bank_code, account_number) REFERENCES accounts (bank_code, account_number),
    CONSTRAINT entries_direction CHECK (direction IN ('IN', 'OUT')),
    CONSTRAINT entries_amount CHECK (amount BETWEEN 1 AND 1000000000000000),
    CONSTRAINT entries_balance_after CHECK (balance_after BETWEEN 0 AND 1000000000000000)
) ENGINE = InnoDB;

-- +goose Down
DROP TABLE entries;
DROP TABLE transfers;
DROP TABLE accounts;
