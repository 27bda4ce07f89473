-- Members' payments at franchises. Amounts are whole won, times are UTC.

-- +goose Up
-- order_claim is the order id while the payment has the right to it: the key on it lets one payment per franchise and
-- order through, and any number of failed ones. queue names what the row waits for: its franchise until it is cut into a
-- statement, its statement until that is paid; so both find their work without looking at what is done.
CREATE TABLE payments (
    id                     VARCHAR(30) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    membership_id          VARCHAR(30) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    franchise_id           VARCHAR(30) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    order_id               VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    order_claim            VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NULL,
    amount                 BIGINT NOT NULL,
    tax_free_amount        BIGINT NOT NULL,
    cancelled_amount       BIGINT NOT NULL,
    fee_basis_points       INT NOT NULL,
    fee                    BIGINT NOT NULL,
    vat                    BIGINT NOT NULL,
    auto_top_up_account_id VARCHAR(30) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    top_up_id              VARCHAR(30) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    fingerprint            VARCHAR(128) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    state                  VARCHAR(20) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    failure                VARCHAR(2000) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NULL,
    refusal                VARCHAR(2000) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NULL,
    statement_id           VARCHAR(30) CHARACTER SET ascii COLLATE ascii_bin NULL,
    approved_at            DATETIME(6) NULL,
    settled_at             DATETIME(6) NULL,
    until_at               DATETIME(6) NULL,
    created_at             DATETIME(6) NOT NULL,
    updated_at             DATETIME(6) NOT NULL,
    queue                  VARCHAR(30) CHARACTER SET ascii COLLATE ascii_bin GENERATED ALWAYS AS (
        CASE WHEN approved_at IS NULL OR settled_at IS NOT NULL THEN NULL WHEN statement_id IS NULL THEN franchise_id ELSE statement_id END
    ) STORED,
    PRIMARY KEY (id),
    UNIQUE KEY payments_order (franchise_id, order_claim),
    KEY payments_member (membership_id, created_at, id),
    KEY payments_franchise (franchise_id, state, created_at, id),
    KEY payments_franchise_normal (franchise_id, state, approved_at, id),
    KEY payments_all (state, created_at, id),
    KEY payments_normal (state, approved_at, id),
    KEY payments_queue (queue, approved_at),
    KEY payments_statement (statement_id, approved_at, id),
    CONSTRAINT payments_amount CHECK (amount BETWEEN 1 AND 1000000000000000),
    CONSTRAINT payments_tax_free CHECK (tax_free_amount BETWEEN 0 AND amount),
    CONSTRAINT payments_cancelled CHECK (cancelled_amount BETWEEN 0 AND amount),
    CONSTRAINT payments_rate CHECK (fee_basis_points BETWEEN 0 AND 10000),
    CONSTRAINT payments_fee CHECK (fee BETWEEN 0 AND amount),
    CONSTRAINT payments_vat CHECK (vat BETWEEN 0 AND fee),
    CONSTRAINT payments_state_known CHECK (state IN ('REQUESTED', 'PROCESSING', 'WAITING', 'UNKNOWN', 'APPROVED', 'PARTIALLY_CANCELLED', 'CANCELLED', 'SETTLED', 'FAILED')),
    CONSTRAINT payments_claim CHECK (order_claim IS NULL OR (order_claim = order_id AND state <> 'FAILED')),
    CONSTRAINT payments_claimed CHECK (order_claim IS NOT NULL OR approved_at IS NULL),
    CONSTRAINT payments_approved CHECK ((approved_at IS NOT NULL) = (state IN ('APPROVED', 'PARTIALLY_CANCELLED', 'CANCELLED', 'SETTLED'))),
    CONSTRAINT payments_cancelled_state CHECK ((cancelled_amount = amount) = (state = 'CANCELLED')),
    CONSTRAINT payments_cut CHECK (statement_id IS NULL OR approved_at IS NOT NULL),
    CONSTRAINT payments_settled CHECK (settled_at IS NULL OR (statement_id IS NOT NULL AND state IN ('CANCELLED', 'SETTLED'))),
    CONSTRAINT payments_settled_state CHECK (state <> 'SETTLED' OR settled_at IS NOT NULL)
) ENGINE = InnoDB;

-- +goose Down
DROP TABLE payments;
