-- Top-ups and withdrawals, as their owners asked for them. Amounts are whole won, times are UTC.

-- +goose Up
CREATE TABLE money_requests (
    id              VARCHAR(30) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    type            VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    membership_id   VARCHAR(30) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    bank_account_id VARCHAR(30) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    amount          BIGINT NOT NULL,
    fingerprint     VARCHAR(128) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    state           VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    failure         TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NULL,
    until_at        DATETIME(6) NULL,
    created_at      DATETIME(6) NOT NULL,
    updated_at      DATETIME(6) NOT NULL,
    PRIMARY KEY (id),
    KEY money_requests_list (membership_id, type, created_at, id),
    CONSTRAINT money_requests_type CHECK (type IN ('TOP_UP', 'WITHDRAWAL')),
    CONSTRAINT money_requests_amount CHECK (amount BETWEEN 1 AND 2000000),
    CONSTRAINT money_requests_state CHECK (state IN ('REQUESTED', 'PROCESSING', 'WAITING', 'UNKNOWN', 'SUCCEEDED', 'FAILED', 'CANCELLED', 'RETURNED')),
    CONSTRAINT money_requests_failure CHECK (state <> 'FAILED' OR failure IS NOT NULL),
    CONSTRAINT money_requests_waiting CHECK ((state = 'WAITING') = (until_at IS NOT NULL))
) ENGINE = InnoDB;

-- +goose Down
DROP TABLE money_requests;
