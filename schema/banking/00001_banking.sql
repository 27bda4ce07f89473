-- Linked accounts, requests to link one, and firm banking. Amounts are whole won, times are UTC.
-- Account numbers and holder names are sealed (AES-GCM); number_index is the keyed hash they are looked up by.

-- +goose Up
-- linked_index repeats number_index while the account is linked and is NULL afterwards: one real account is
-- linked once at a time, and can be linked again after it was let go.
CREATE TABLE accounts (
    id            VARCHAR(30) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    membership_id VARCHAR(30) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    bank_code     VARCHAR(3) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    number_sealed VARBINARY(160) NOT NULL,
    holder_sealed VARBINARY(320) NOT NULL,
    number_index  BINARY(32) NOT NULL,
    linked_index  BINARY(32) NULL,
    state         VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    fingerprint   VARCHAR(128) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    consent_at    DATETIME(6) NOT NULL,
    revoked_at    DATETIME(6) NULL,
    created_at    DATETIME(6) NOT NULL,
    PRIMARY KEY (id),
    UNIQUE KEY accounts_linked (linked_index),
    KEY accounts_member (membership_id, created_at, id),
    CONSTRAINT accounts_state CHECK (state IN ('LINKED', 'UNLINKED')),
    CONSTRAINT accounts_linked_index CHECK ((state = 'LINKED') = (linked_index IS NOT NULL)),
    CONSTRAINT accounts_revoked CHECK ((state = 'UNLINKED') = (revoked_at IS NOT NULL))
) ENGINE = InnoDB;

CREATE TABLE link_requests (
    id            VARCHAR(30) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    membership_id VARCHAR(30) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    fingerprint   VARCHAR(128) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    state         VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    failure       VARCHAR(2000) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NULL,
    until_at      DATETIME(6) NULL,
    created_at    DATETIME(6) NOT NULL,
    updated_at    DATETIME(6) NOT NULL,
    PRIMARY KEY (id),
    KEY link_requests_member (membership_id, created_at, id),
    CONSTRAINT link_requests_state CHECK (state IN ('REQUESTED', 'PROCESSING', 'WAITING', 'UNKNOWN', 'SUCCEEDED', 'FAILED', 'CANCELLED', 'RETURNED'))
) ENGINE = InnoDB;

-- A row is written before the bank is called, and is called for once: REQUESTED becomes SENT by one caller only.
CREATE TABLE firmbankings (
    id                  VARCHAR(30) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    reference           VARCHAR(128) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    flow_id             VARCHAR(128) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    membership_id       VARCHAR(30) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    bank_account_id     VARCHAR(30) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    direction           VARCHAR(8) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    bank_code           VARCHAR(3) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    number_sealed       VARBINARY(160) NOT NULL,
    holder_sealed       VARBINARY(320) NOT NULL,
    number_index        BINARY(32) NOT NULL,
    amount              BIGINT NOT NULL,
    state               VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    reason              VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    bank_transaction_id VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    fingerprint         VARCHAR(128) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    valid_until         DATETIME(6) NULL,
    sent_at             DATETIME(6) NULL,
    created_at          DATETIME(6) NOT NULL,
    updated_at          DATETIME(6) NOT NULL,
    PRIMARY KEY (id),
    UNIQUE KEY firmbankings_reference (reference),
    KEY firmbankings_created (created_at, id),
    KEY firmbankings_state (state, created_at, id),
    KEY firmbankings_account (bank_account_id, created_at, id),
    KEY firmbankings_bank (bank_code, created_at, id),
    KEY firmbankings_flow (flow_id, created_at, id),
    KEY firmbankings_member (membership_id, created_at, id),
    CONSTRAINT firmbankings_direction CHECK (direction IN ('DEBIT', 'CREDIT')),
    CONSTRAINT firmbankings_amount CHECK (amount BETWEEN 1 AND 1000000000000000),
    CONSTRAINT firmbankings_state_known CHECK (state IN ('REQUESTED', 'SENT', 'UNKNOWN', 'SETTLED', 'REJECTED', 'RETURNED')),
    CONSTRAINT firmbankings_reason CHECK ((state IN ('REJECTED', 'RETURNED')) = (reason <> '')),
    CONSTRAINT firmbankings_sent CHECK ((sent_at IS NULL) = (valid_until IS NULL)),
    CONSTRAINT firmbankings_sent_first CHECK (state IN ('REQUESTED', 'REJECTED') OR sent_at IS NOT NULL)
) ENGINE = InnoDB;

-- +goose Down
DROP TABLE firmbankings;
DROP TABLE link_requests;
DROP TABLE accounts;
