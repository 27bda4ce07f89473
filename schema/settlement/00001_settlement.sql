-- Settlement runs, the statements they cut for franchises, and the pay-outs of those. Amounts are whole won, times
-- are UTC, dates are Asia/Seoul business dates.

-- +goose Up
-- live_date is the business date of a run that is not dry: such a run exists once for each date.
CREATE TABLE runs (
    id            VARCHAR(30) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    business_date DATE NOT NULL,
    live_date     DATE NULL,
    dry           TINYINT NOT NULL,
    asked_by      VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    fingerprint   VARCHAR(128) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    state         VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    failure       VARCHAR(2000) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NULL,
    until_at      DATETIME(6) NULL,
    created_at    DATETIME(6) NOT NULL,
    updated_at    DATETIME(6) NOT NULL,
    PRIMARY KEY (id),
    UNIQUE KEY runs_live_date (live_date),
    KEY runs_listed (created_at, id),
    CONSTRAINT runs_dry CHECK ((dry = 1 AND live_date IS NULL) OR (dry = 0 AND live_date IS NOT NULL AND live_date = business_date)),
    CONSTRAINT runs_state_known CHECK (state IN ('REQUESTED', 'PROCESSING', 'WAITING', 'UNKNOWN', 'SUCCEEDED', 'FAILED', 'CANCELLED', 'RETURNED'))
) ENGINE = InnoDB;

-- carried_from names the statement whose negative net this one takes over; being unique, it is taken over once.
-- due is 1 while a live statement is to be paid: what a run looks for is found without reading what is paid.
CREATE TABLE statements (
    id              VARCHAR(30) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    run_id          VARCHAR(30) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    franchise_id    VARCHAR(30) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    business_date   DATE NOT NULL,
    dry             TINYINT NOT NULL,
    cut_through     DATE NOT NULL,
    period_from     DATE NOT NULL,
    period_through  DATE NOT NULL,
    payment_count   BIGINT NOT NULL,
    payment_amount  BIGINT NOT NULL,
    tax_free_amount BIGINT NOT NULL,
    cancel_count    BIGINT NOT NULL,
    cancel_amount   BIGINT NOT NULL,
    fee             BIGINT NOT NULL,
    vat             BIGINT NOT NULL,
    carried_over    BIGINT NOT NULL,
    carried_from    VARCHAR(30) CHARACTER SET ascii COLLATE ascii_bin NULL,
    carried_to      VARCHAR(30) CHARACTER SET ascii COLLATE ascii_bin NULL,
    net             BIGINT NOT NULL,
    payout_state    VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    payout_date     DATE NOT NULL,
    attempt         INT NOT NULL,
    firmbanking_id  VARCHAR(30) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    failure         VARCHAR(2000) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NULL,
    until_at        DATETIME(6) NULL,
    paid_at         DATETIME(6) NULL,
    due             TINYINT NULL,
    created_at      DATETIME(6) NOT NULL,
    updated_at      DATETIME(6) NOT NULL,
    PRIMARY KEY (id),
    UNIQUE KEY statements_unique (run_id, franchise_id),
    UNIQUE KEY statements_carried_from (carried_from),
    UNIQUE KEY statements_carried_to (carried_to),
    KEY statements_due (due, id),
    KEY statements_totals (run_id, payout_state, net),
    KEY statements_of_run (run_id, created_at, id),
    KEY statements_of_franchise (franchise_id, created_at, id),
    KEY statements_of_date (business_date, created_at, id),
    KEY statements_by_payout (payout_state, created_at, id),
    KEY statements_listed (created_at, id),
    CONSTRAINT statements_dry CHECK (dry IN (0, 1)),
    CONSTRAINT statements_sums CHECK (payment_count >= 0 AND payment_amount >= 0 AND tax_free_amount >= 0 AND cancel_count >= 0 AND cancel_amount >= 0),
    CONSTRAINT statements_net CHECK (net = payment_amount - cancel_amount - fee - vat + carried_over),
    CONSTRAINT statements_carried CHECK (carried_over <= 0 AND (carried_from IS NULL OR (carried_over < 0 AND dry = 0)) AND (carried_over = 0 OR dry = 1 OR carried_from IS NOT NULL)),
    CONSTRAINT statements_carried_on CHECK (carried_to IS NULL OR (dry = 0 AND payout_state = 'CARRIED_OVER')),
    CONSTRAINT statements_payout_known CHECK (
        (net = 0 AND payout_state = 'NONE') OR (net < 0 AND payout_state = 'CARRIED_OVER')
        OR (net > 0 AND payout_state IN ('SCHEDULED', 'PROCESSING', 'WAITING', 'UNKNOWN', 'PAID', 'FAILED', 'RETURNED'))),
    CONSTRAINT statements_dry_unpaid CHECK (dry = 0 OR payout_state IN ('NONE', 'SCHEDULED', 'CARRIED_OVER')),
    CONSTRAINT statements_attempt CHECK ((net > 0 AND attempt >= 1) OR (net <= 0 AND attempt = 0)),
    CONSTRAINT statements_paid CHECK ((paid_at IS NOT NULL) = (payout_state = 'PAID')),
    CONSTRAINT statements_due_known CHECK (
        (due IS NULL AND (dry = 1 OR payout_state NOT IN ('SCHEDULED', 'PROCESSING', 'WAITING', 'UNKNOWN')))
        OR (due IS NOT NULL AND due = 1 AND dry = 0 AND payout_state IN ('SCHEDULED', 'PROCESSING', 'WAITING', 'UNKNOWN')))
) ENGINE = InnoDB;

-- What a franchise's next statement has to take over. Its row is also the lock under which the franchise's
-- statements are opened one after the other.
CREATE TABLE carries (
    franchise_id VARCHAR(30) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    statement_id VARCHAR(30) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    net          BIGINT NOT NULL,
    PRIMARY KEY (franchise_id),
    CONSTRAINT carries_net CHECK ((net = 0 AND statement_id = '') OR (net < 0 AND statement_id <> ''))
) ENGINE = InnoDB;

-- +goose Down
DROP TABLE carries;
DROP TABLE statements;
DROP TABLE runs;
