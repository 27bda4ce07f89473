package contract

// SettlementSchedule is the id of the schedule that starts SettlementDay.
const SettlementSchedule = "settlement"

// ScheduleTimeZone is the IANA name of the zone that the schedule's times are in.
const ScheduleTimeZone = "Asia/Seoul"
