-- Members, their sign-in and their registrations. Times are UTC. Personal data is encrypted (name, e-mail, phone,
-- address detail); an e-mail is found by its keyed hash.

-- +goose Up
CREATE TABLE members (
    id             VARCHAR(30) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    email_index    BINARY(32) NOT NULL,
    name           VARBINARY(512) NOT NULL,
    email          VARBINARY(512) NOT NULL,
    phone          VARBINARY(256) NOT NULL,
    region         VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    address_detail VARBINARY(1024) NOT NULL,
    role           VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    state          VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    verified       BOOLEAN NOT NULL,
    frozen         BOOLEAN NOT NULL DEFAULT FALSE, -- deactivated by an operator
    password_hash  VARCHAR(255) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    version        BIGINT NOT NULL,
    created_at     DATETIME(6) NOT NULL,
    updated_at     DATETIME(6) NOT NULL,
    PRIMARY KEY (id),
    UNIQUE KEY members_email (email_index),
    CONSTRAINT members_role CHECK (role IN ('MEMBER', 'FRANCHISE', 'OPERATOR', 'AUDITOR', 'SERVICE')),
    CONSTRAINT members_state CHECK (state IN ('PENDING', 'ACTIVE', 'DEACTIVATED')),
    CONSTRAINT members_region CHECK (region <> '' OR role <> 'MEMBER'),
    CONSTRAINT members_version CHECK (version >= 1)
) ENGINE = InnoDB;

-- A family is one sign-in: the chain of refresh tokens that replace each other. Its row is what is locked and revoked.
CREATE TABLE refresh_families (
    id         BINARY(16) NOT NULL,
    member_id  VARCHAR(30) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    ends_at    DATETIME(6) NOT NULL,
    expires_at DATETIME(6) NOT NULL,
    revoked_at DATETIME(6) NULL,
    PRIMARY KEY (id),
    KEY refresh_families_member (member_id),
    KEY refresh_families_expiry (expires_at),
    CONSTRAINT refresh_families_member_fk FOREIGN KEY (member_id) REFERENCES members (id),
    CONSTRAINT refresh_families_end CHECK (expires_at <= ends_at)
) ENGINE = InnoDB;

-- Only the SHA-256 of a token is kept: the tokens are 256 random bits, so it cannot be reversed.
CREATE TABLE refresh_tokens (
    token_hash BINARY(32) NOT NULL,
    family_id  BINARY(16) NOT NULL,
    expires_at DATETIME(6) NOT NULL,
    spent_at   DATETIME(6) NULL,
    PRIMARY KEY (token_hash),
    KEY refresh_tokens_family (family_id),
    KEY refresh_tokens_expiry (expires_at),
    CONSTRAINT refresh_tokens_family_fk FOREIGN KEY (family_id) REFERENCES refresh_families (id)
) ENGINE = InnoDB;

-- Attempts to sign in, by keyed hash of the e-mail or of the network address.
CREATE TABLE login_counters (
    counter_key   BINARY(32) NOT NULL,
    failures      BIGINT NOT NULL,
    blocked_until DATETIME(6) NULL,
    expires_at    DATETIME(6) NOT NULL,
    PRIMARY KEY (counter_key),
    KEY login_counters_expiry (expires_at),
    CONSTRAINT login_counters_failures CHECK (failures >= 0)
) ENGINE = InnoDB;

-- The requests to register by a flow. member_id has no foreign key: the row is there before the member, and stays when
-- the member is taken back.
CREATE TABLE registrations (
    id          VARCHAR(30) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    member_id   VARCHAR(30) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    fingerprint VARCHAR(128) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    state       VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    failure     TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NULL,
    created_at  DATETIME(6) NOT NULL,
    updated_at  DATETIME(6) NOT NULL,
    PRIMARY KEY (id),
    CONSTRAINT registrations_state CHECK (state IN ('REQUESTED', 'PROCESSING', 'WAITING', 'UNKNOWN', 'SUCCEEDED', 'FAILED', 'CANCELLED', 'RETURNED')),
    CONSTRAINT registrations_failure CHECK (state <> 'FAILED' OR failure IS NOT NULL)
) ENGINE = InnoDB;

-- +goose Down
DROP TABLE registrations;
DROP TABLE login_counters;
DROP TABLE refresh_tokens;
DROP TABLE refresh_families;
DROP TABLE members;
