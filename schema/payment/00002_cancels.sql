-- Cancels of payments, whole or in part. Amounts are whole won, times are UTC. The reason is sealed (AES-GCM).

-- +goose Up
-- remaining is what was left of the payment once this cancel had taken effect: the answer to it, whatever came later.
-- There is no foreign key: a cancel of a payment that does not exist is on record too, refused. queue names the franchise
-- whose next statement the row waits for.
CREATE TABLE cancels (
    id            VARCHAR(30) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    payment_id    VARCHAR(30) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    membership_id VARCHAR(30) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    franchise_id  VARCHAR(30) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    amount        BIGINT NOT NULL,
    reason_sealed VARBINARY(1200) NOT NULL,
    asked_by      VARCHAR(128) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
    fingerprint   VARCHAR(128) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    state         VARCHAR(20) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    failure       VARCHAR(2000) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NULL,
    refusal       VARCHAR(2000) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NULL,
    fee           BIGINT NOT NULL,
    vat           BIGINT NOT NULL,
    remaining     BIGINT NULL,
    statement_id  VARCHAR(30) CHARACTER SET ascii COLLATE ascii_bin NULL,
    approved_at   DATETIME(6) NULL,
    until_at      DATETIME(6) NULL,
    created_at    DATETIME(6) NOT NULL,
    updated_at    DATETIME(6) NOT NULL,
    queue         VARCHAR(30) CHARACTER SET ascii COLLATE ascii_bin GENERATED ALWAYS AS (
        CASE WHEN approved_at IS NULL OR statement_id IS NOT NULL THEN NULL ELSE franchise_id END
    ) STORED,
    PRIMARY KEY (id),
    KEY cancels_payment (payment_id, created_at, id),
    KEY cancels_queue (queue, approved_at),
    KEY cancels_statement (statement_id, approved_at, id),
    CONSTRAINT cancels_amount CHECK (amount BETWEEN 0 AND 1000000000000000),
    CONSTRAINT cancels_nothing CHECK (amount > 0 OR refusal IS NOT NULL),
    CONSTRAINT cancels_fee CHECK (fee BETWEEN 0 AND amount),
    CONSTRAINT cancels_vat CHECK (vat BETWEEN 0 AND fee + 1),
    CONSTRAINT cancels_state_known CHECK (state IN ('REQUESTED', 'PROCESSING', 'WAITING', 'UNKNOWN', 'SUCCEEDED', 'FAILED', 'CANCELLED')),
    CONSTRAINT cancels_refused CHECK (refusal IS NULL OR state <> 'SUCCEEDED'),
    CONSTRAINT cancels_remaining CHECK ((remaining IS NOT NULL) = (state = 'SUCCEEDED')),
    CONSTRAINT cancels_approved CHECK ((approved_at IS NOT NULL) = (state = 'SUCCEEDED')),
    CONSTRAINT cancels_cut CHECK (statement_id IS NULL OR approved_at IS NOT NULL)
) ENGINE = InnoDB;

-- +goose Down
DROP TABLE cancels;
