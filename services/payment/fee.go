package payment

// MaxFeeBasisPoints is a fee of all of the amount, in 1/100 of a percent.
const MaxFeeBasisPoints = 10_000

// Fee is what the platform takes of an amount (won) at a rate in basis points: whole
// won, below 1 won cut off. The amount is split so that amounts up to MaxStored, and
// far beyond, do not overflow. The store computes the same in SQL when it approves.
func Fee(amount int64, basisPoints int) int64 {
	rate := int64(basisPoints)
	return amount/MaxFeeBasisPoints*rate + amount%MaxFeeBasisPoints*rate/MaxFeeBasisPoints
}

// VAT is the value added tax on a fee (won): 10 %, below 1 won cut off.
func VAT(fee int64) int64 { return fee / 10 }

// giveBack is the share of fee and VAT (won) that a cancel gives back when it takes what
// is left of a payment from before to after. It is the difference of what is due on
// both, so that the cancels of a whole payment give back exactly its fee and VAT.
func giveBack(before, after int64, basisPoints int) (fee, vat int64) {
	due, left := Fee(before, basisPoints), Fee(after, basisPoints)
	return due - left, VAT(due) - VAT(left)
}
