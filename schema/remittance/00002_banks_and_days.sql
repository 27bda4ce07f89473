-- Remittances to bank accounts, and what each sender has asked for per day. Amounts are whole won.

-- +goose Up
-- To a member: receiver_id. To a bank account: bank_code, and number and holder in
-- to_sealed (AES-GCM); receiver_id is '' then.
-- refusal is what the request was refused for when it came; it stays.
-- counted_day is the Asia/Seoul day whose total the amount is in; NULL when it is in none.
ALTER TABLE remittances
    ADD COLUMN bank_code   VARCHAR(3) CHARACTER SET ascii COLLATE ascii_bin NOT NULL DEFAULT '',
    ADD COLUMN to_sealed   VARBINARY(600) NULL,
    ADD COLUMN refusal     VARCHAR(2000) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NULL,
    ADD COLUMN counted_day DATE NULL,
    ADD CONSTRAINT remittances_one_receiver CHECK (
        (receiver_id <> '' AND bank_code = '' AND to_sealed IS NULL) OR
        (receiver_id = '' AND bank_code <> '' AND to_sealed IS NOT NULL)),
    ADD CONSTRAINT remittances_refused_is_not_counted CHECK (refusal IS NULL OR counted_day IS NULL);

-- A total is the sum of the sender's remittances with this counted_day, at every commit.
CREATE TABLE sender_days (
    sender_id VARCHAR(30) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    day       DATE NOT NULL,
    total     BIGINT NOT NULL,
    PRIMARY KEY (sender_id, day),
    CONSTRAINT sender_days_total CHECK (total >= 0)
) ENGINE = InnoDB;

-- +goose Down
DROP TABLE sender_days;
ALTER TABLE remittances
    DROP CONSTRAINT remittances_refused_is_not_counted,
    DROP CONSTRAINT remittances_one_receiver,
    DROP COLUMN counted_day,
    DROP COLUMN refusal,
    DROP COLUMN to_sealed,
    DROP COLUMN bank_code;
