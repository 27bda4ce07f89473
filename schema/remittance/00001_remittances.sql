-- Requests to send money to another member. Amounts are whole won, times are UTC. The memo is sealed (AES-GCM).

-- +goose Up
-- A member's history is read from two indexes: what they sent, and what reached them.
CREATE TABLE remittances (
    id                     VARCHAR(30) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    sender_id              VARCHAR(30) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    receiver_id            VARCHAR(30) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    amount                 BIGINT NOT NULL,
    memo_sealed            VARBINARY(600) NOT NULL,
    auto_top_up_account_id VARCHAR(30) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    top_up_id              VARCHAR(30) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    fingerprint            VARCHAR(128) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    state                  VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    failure                VARCHAR(2000) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NULL,
    until_at               DATETIME(6) NULL,
    execute_at             DATETIME(6) NULL,
    created_at             DATETIME(6) NOT NULL,
    updated_at             DATETIME(6) NOT NULL,
    PRIMARY KEY (id),
    KEY remittances_sent (sender_id, created_at, id),
    KEY remittances_received (receiver_id, state, created_at, id),
    CONSTRAINT remittances_amount CHECK (amount BETWEEN 1 AND 1000000000000000),
    CONSTRAINT remittances_state_known CHECK (state IN ('REQUESTED', 'PROCESSING', 'WAITING', 'UNKNOWN', 'SUCCEEDED', 'FAILED', 'CANCELLED', 'RETURNED'))
) ENGINE = InnoDB;

-- +goose Down
DROP TABLE remittances;
