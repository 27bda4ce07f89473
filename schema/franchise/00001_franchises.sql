-- Franchises, their contracts and payout accounts, and their API keys. Times are UTC, effective_from is an Asia/Seoul date.
-- Contacts, account numbers and holder names are sealed (AES-GCM); of an API key only its SHA-256 is kept.

-- +goose Up
-- number_claim repeats business_number unless the registration was refused or has ended without a franchise: a
-- business number belongs to one franchise at a time. status is empty until the registration has succeeded.
CREATE TABLE franchises (
    id                 VARCHAR(30) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    name               VARCHAR(100) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
    business_number    CHAR(10) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    number_claim       CHAR(10) CHARACTER SET ascii COLLATE ascii_bin NULL,
    contact_sealed     VARBINARY(1000) NOT NULL,
    bank_code          VARCHAR(3) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    number_sealed      VARBINARY(160) NOT NULL,
    holder_sealed      VARBINARY(320) NOT NULL,
    payout_verified_at DATETIME(6) NULL,
    state              VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    refusal            VARCHAR(2000) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NULL,
    failure            VARCHAR(2000) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NULL,
    until_at           DATETIME(6) NULL,
    status             VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    version            BIGINT NOT NULL,
    fingerprint        VARCHAR(128) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    created_at         DATETIME(6) NOT NULL,
    updated_at         DATETIME(6) NOT NULL,
    PRIMARY KEY (id),
    UNIQUE KEY franchises_number_claim (number_claim),
    KEY franchises_created (created_at, id),
    KEY franchises_status (status, created_at, id),
    CONSTRAINT franchises_state CHECK (state IN ('REQUESTED', 'PROCESSING', 'WAITING', 'UNKNOWN', 'SUCCEEDED', 'FAILED', 'CANCELLED')),
    CONSTRAINT franchises_status_known CHECK (status IN ('', 'ACTIVE', 'DEACTIVATED')),
    CONSTRAINT franchises_registered CHECK ((state = 'SUCCEEDED') = (status <> '')),
    CONSTRAINT franchises_verified CHECK ((state = 'SUCCEEDED') = (payout_verified_at IS NOT NULL)),
    CONSTRAINT franchises_number_own CHECK (number_claim IS NULL OR number_claim = business_number),
    CONSTRAINT franchises_number_held CHECK ((number_claim IS NULL) = (refusal IS NOT NULL OR state IN ('FAILED', 'CANCELLED')))
) ENGINE = InnoDB;

CREATE TABLE contracts (
    franchise_id         VARCHAR(30) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    effective_from       DATE NOT NULL,
    fee_basis_points     SMALLINT NOT NULL,
    cycle                VARCHAR(8) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    payout_business_days TINYINT NOT NULL,
    created_at           DATETIME(6) NOT NULL,
    PRIMARY KEY (franchise_id, effective_from),
    CONSTRAINT contracts_fee CHECK (fee_basis_points BETWEEN 0 AND 10000),
    CONSTRAINT contracts_cycle CHECK (cycle IN ('DAILY', 'WEEKLY', 'MONTHLY')),
    CONSTRAINT contracts_days CHECK (payout_business_days BETWEEN 0 AND 10)
) ENGINE = InnoDB;

-- open_claim repeats franchise_id while the change is on the way: a franchise has one open change at a time.
CREATE TABLE payout_changes (
    id            VARCHAR(30) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    franchise_id  VARCHAR(30) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    open_claim    VARCHAR(30) CHARACTER SET ascii COLLATE ascii_bin NULL,
    bank_code     VARCHAR(3) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    number_sealed VARBINARY(160) NOT NULL,
    holder_sealed VARBINARY(320) NOT NULL,
    fingerprint   VARCHAR(128) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    state         VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    refusal       VARCHAR(2000) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NULL,
    failure       VARCHAR(2000) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NULL,
    until_at      DATETIME(6) NULL,
    created_at    DATETIME(6) NOT NULL,
    updated_at    DATETIME(6) NOT NULL,
    PRIMARY KEY (id),
    UNIQUE KEY payout_changes_open (open_claim),
    KEY payout_changes_franchise (franchise_id, created_at, id),
    CONSTRAINT payout_changes_state CHECK (state IN ('REQUESTED', 'PROCESSING', 'WAITING', 'UNKNOWN', 'SUCCEEDED', 'FAILED', 'CANCELLED')),
    CONSTRAINT payout_changes_refused CHECK (refusal IS NULL OR state <> 'SUCCEEDED'),
    CONSTRAINT payout_changes_own CHECK (open_claim IS NULL OR open_claim = franchise_id),
    CONSTRAINT payout_changes_held CHECK ((open_claim IS NULL) = (refusal IS NOT NULL OR state IN ('SUCCEEDED', 'FAILED', 'CANCELLED')))
) ENGINE = InnoDB;

CREATE TABLE api_keys (
    id           VARCHAR(30) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    franchise_id VARCHAR(30) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    label        VARCHAR(50) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
    secret_hash  BINARY(32) NOT NULL,
    created_at   DATETIME(6) NOT NULL,
    revoked_at   DATETIME(6) NULL,
    PRIMARY KEY (id),
    UNIQUE KEY api_keys_secret (secret_hash),
    KEY api_keys_franchise (franchise_id, created_at, id)
) ENGINE = InnoDB;

-- +goose Down
DROP TABLE api_keys;
DROP TABLE payout_changes;
DROP TABLE contracts;
DROP TABLE franchises;
