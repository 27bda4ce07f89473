-- The double-entry ledger. Amounts are whole won, times are UTC.
-- Every writer holds the row of ledger_lock: batches are numbered without gaps, in commit order.

-- +goose Up
CREATE TABLE ledger_lock (
    id TINYINT NOT NULL,
    PRIMARY KEY (id),
    CONSTRAINT ledger_lock_single CHECK (id = 1)
) ENGINE = InnoDB;

INSERT INTO ledger_lock (id) VALUES (1);

-- The current state of each account. Unbounded accounts have the widest floor and ceiling, which keep every sum inside 64 bits.
CREATE TABLE ledger_accounts (
    id          VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    kind        VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    state       VARCHAR(8) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    floor       BIGINT NOT NULL,
    ceiling     BIGINT NOT NULL,
    balance     BIGINT NOT NULL,
    pending_out BIGINT NOT NULL,
    pending_in  BIGINT NOT NULL,
    opened_seq  BIGINT NOT NULL,
    opened_at   DATETIME(6) NOT NULL,
    last_seq    BIGINT NOT NULL,
    PRIMARY KEY (id),
    CONSTRAINT ledger_accounts_kind CHECK (kind IN ('WALLET', 'PAYABLE', 'BANK', 'TRANSIT', 'SUSPENSE', 'INCOME', 'TAX')),
    CONSTRAINT ledger_accounts_state CHECK (state IN ('OPEN', 'CLOSED')),
    CONSTRAINT ledger_accounts_bounds CHECK (floor BETWEEN -4000000000000000000 AND 0 AND ceiling BETWEEN 0 AND 4000000000000000000),
    CONSTRAINT ledger_accounts_wallet CHECK (kind <> 'WALLET' OR floor = 0),
    CONSTRAINT ledger_accounts_pending CHECK (pending_out >= 0 AND pending_in >= 0),
    CONSTRAINT ledger_accounts_floor CHECK (balance - pending_out >= floor),
    CONSTRAINT ledger_accounts_ceiling CHECK (balance + pending_in <= ceiling),
    CONSTRAINT ledger_accounts_closed CHECK (state = 'OPEN' OR (balance = 0 AND pending_out = 0 AND pending_in = 0))
) ENGINE = InnoDB;

-- The platform's own accounts exist from the start; no posting opens them.
INSERT INTO ledger_accounts (id, kind, state, floor, ceiling, balance, pending_out, pending_in, opened_seq, opened_at, last_seq) VALUES
    ('system/bank-float', 'BANK', 'OPEN', -4000000000000000000, 4000000000000000000, 0, 0, 0, 0, '2000-01-01', 0),
    ('system/in-transit', 'TRANSIT', 'OPEN', -4000000000000000000, 4000000000000000000, 0, 0, 0, 0, '2000-01-01', 0),
    ('system/suspense', 'SUSPENSE', 'OPEN', -4000000000000000000, 4000000000000000000, 0, 0, 0, 0, '2000-01-01', 0),
    ('system/fee-income', 'INCOME', 'OPEN', -4000000000000000000, 4000000000000000000, 0, 0, 0, 0, '2000-01-01', 0),
    ('system/vat-payable', 'TAX', 'OPEN', -4000000000000000000, 4000000000000000000, 0, 0, 0, 0, '2000-01-01', 0);

-- The journal: append-only. Which columns an op fills:
--   POST           amount = the sum of its legs; the legs are its entries
--   HOLD           account_id (from), to_account_id, amount, expires_at or NULL
--   CAPTURE        closes = the hold's ref, amount = captured; its entries
--   RELEASE EXPIRE closes = the hold's ref, amount = let go (a RELEASE whose ref equals closes burnt a ref that was never held)
--   OPEN           account_id, account_kind, floor, ceiling
--   CEILING        account_id, ceiling
--   CLOSE          closes = the opening's ref, account_id (empty when ref = closes: it burnt a ref that never opened anything)
CREATE TABLE ledger_postings (
    seq           BIGINT NOT NULL,
    ref           VARCHAR(128) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    op            VARCHAR(8) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    kind          VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    amount        BIGINT NOT NULL,
    account_id    VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    to_account_id VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    account_kind  VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    floor         BIGINT NULL,
    ceiling       BIGINT NULL,
    closes        VARCHAR(128) CHARACTER SET ascii COLLATE ascii_bin NULL,
    expires_at    DATETIME(6) NULL,
    flow_id       VARCHAR(128) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    detail        VARCHAR(200) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
    fingerprint   BINARY(32) NOT NULL,
    at            DATETIME(6) NOT NULL,
    PRIMARY KEY (seq),
    UNIQUE KEY ledger_postings_ref (ref),
    UNIQUE KEY ledger_postings_closes (closes),
    CONSTRAINT ledger_postings_seq CHECK (seq > 0),
    CONSTRAINT ledger_postings_op CHECK (op IN ('POST', 'HOLD', 'CAPTURE', 'RELEASE', 'EXPIRE', 'OPEN', 'CEILING', 'CLOSE')),
    CONSTRAINT ledger_postings_amount CHECK (amount > 0 OR (amount = 0 AND op IN ('RELEASE', 'OPEN', 'CEILING', 'CLOSE'))),
    CONSTRAINT ledger_postings_closes_one CHECK ((closes IS NOT NULL) = (op IN ('CAPTURE', 'RELEASE', 'EXPIRE', 'CLOSE')))
) ENGINE = InnoDB;

-- Leg n of a posting is line 2n (debit, negative) and line 2n+1 (credit, positive). Append-only. at is the posting's.
CREATE TABLE ledger_entries (
    seq           BIGINT NOT NULL,
    line          SMALLINT NOT NULL,
    account_id    VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    amount        BIGINT NOT NULL,
    balance_after BIGINT NOT NULL,
    at            DATETIME(6) NOT NULL,
    PRIMARY KEY (seq, line),
    KEY ledger_entries_account (account_id, at, seq, line),
    CONSTRAINT ledger_entries_line CHECK (line >= 0),
    CONSTRAINT ledger_entries_amount CHECK (ABS(amount) BETWEEN 1 AND 1000000000000000 AND (amount < 0) = (line MOD 2 = 0)),
    CONSTRAINT ledger_entries_balance CHECK (balance_after BETWEEN -4000000000000000000 AND 4000000000000000000)
) ENGINE = InnoDB;

-- The state of each hold, for deciding; all of it follows from the journal.
CREATE TABLE ledger_holds (
    ref             VARCHAR(128) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    from_account_id VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    to_account_id   VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    amount          BIGINT NOT NULL,
    captured        BIGINT NOT NULL,
    state           VARCHAR(8) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    expires_at      DATETIME(6) NULL,
    PRIMARY KEY (ref),
    KEY ledger_holds_expiry (state, expires_at),
    CONSTRAINT ledger_holds_amount CHECK (amount BETWEEN 1 AND 1000000000000000),
    CONSTRAINT ledger_holds_captured CHECK (captured BETWEEN 0 AND amount AND (captured > 0) = (state = 'CAPTURED')),
    CONSTRAINT ledger_holds_state CHECK (state IN ('OPEN', 'CAPTURED', 'RELEASED', 'EXPIRED'))
) ENGINE = InnoDB;

-- One row for each commit: the hash chain. Append-only. at is that of all its postings.
CREATE TABLE ledger_batches (
    batch_no  BIGINT NOT NULL,
    first_seq BIGINT NOT NULL,
    last_seq  BIGINT NOT NULL,
    at        DATETIME(6) NOT NULL,
    prev_hash BINARY(32) NOT NULL,
    hash      BINARY(32) NOT NULL,
    PRIMARY KEY (batch_no),
    UNIQUE KEY ledger_batches_first (first_seq),
    CONSTRAINT ledger_batches_range CHECK (last_seq >= first_seq)
) ENGINE = InnoDB;

-- The genesis batch has no postings; its hash is 32 zero bytes.
INSERT INTO ledger_batches (batch_no, first_seq, last_seq, at, prev_hash, hash)
VALUES (0, 0, 0, '2000-01-01', REPEAT(CHAR(0), 32), REPEAT(CHAR(0), 32));

-- +goose Down
DROP TABLE ledger_batches;
DROP TABLE ledger_holds;
DROP TABLE ledger_entries;
DROP TABLE ledger_postings;
DROP TABLE ledger_accounts;
DROP TABLE ledger_lock;
