-- Money that came from outside the books. The reference is that of whoever brought it; the entry carries the bank's own.

-- +goose Up
CREATE TABLE deposits (
    id             BIGINT NOT NULL AUTO_INCREMENT,
    reference      VARCHAR(128) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    bank_code      VARCHAR(3) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    account_number VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    amount         BIGINT NOT NULL,
    memo           VARCHAR(100) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
    at             DATETIME(6) NOT NULL,
    PRIMARY KEY (id),
    UNIQUE KEY deposits_reference (reference),
    CONSTRAINT deposits_amount CHECK (amount BETWEEN 1 AND 1000000000000000)
) ENGINE = InnoDB;

-- +goose Down
DROP TABLE deposits;
