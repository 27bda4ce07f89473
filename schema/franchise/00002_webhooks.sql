-- Webhooks of franchises, and the telling of events to them. Times are UTC. Signing secrets are sealed (AES-GCM).

-- +goose Up
CREATE TABLE webhooks (
    franchise_id      VARCHAR(30) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    url               VARCHAR(2000) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    secret_sealed     VARBINARY(160) NOT NULL,
    old_secret_sealed VARBINARY(160) NULL,
    old_until         DATETIME(6) NULL,
    created_at        DATETIME(6) NOT NULL,
    updated_at        DATETIME(6) NOT NULL,
    PRIMARY KEY (franchise_id),
    CONSTRAINT webhooks_https CHECK (url LIKE 'https://%'),
    CONSTRAINT webhooks_old CHECK ((old_secret_sealed IS NULL) = (old_until IS NULL))
) ENGINE = InnoDB;

-- One row for each event: its id is derived from the event's.
CREATE TABLE webhook_deliveries (
    id           VARCHAR(30) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    event_id     VARCHAR(30) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    franchise_id VARCHAR(30) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    type         VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    payload      BLOB NOT NULL,
    state        VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    failure      VARCHAR(2000) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NULL,
    until_at     DATETIME(6) NULL,
    attempts     INT NOT NULL,
    delivered_at DATETIME(6) NULL,
    created_at   DATETIME(6) NOT NULL,
    updated_at   DATETIME(6) NOT NULL,
    PRIMARY KEY (id),
    UNIQUE KEY webhook_deliveries_event (event_id),
    KEY webhook_deliveries_franchise (franchise_id, created_at, id),
    CONSTRAINT webhook_deliveries_state CHECK (state IN ('REQUESTED', 'PROCESSING', 'WAITING', 'UNKNOWN', 'SUCCEEDED', 'FAILED', 'CANCELLED')),
    CONSTRAINT webhook_deliveries_attempts CHECK (attempts >= 0)
) ENGINE = InnoDB;

CREATE TABLE webhook_attempts (
    delivery_id  VARCHAR(30) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    number       INT NOT NULL,
    attempted_at DATETIME(6) NOT NULL,
    status       SMALLINT NOT NULL,
    code         VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    duration_ms  BIGINT NOT NULL,
    PRIMARY KEY (delivery_id, number),
    CONSTRAINT webhook_attempts_number CHECK (number >= 1)
) ENGINE = InnoDB;

-- +goose Down
DROP TABLE webhook_attempts;
DROP TABLE webhook_deliveries;
DROP TABLE webhooks;
