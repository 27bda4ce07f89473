package workflows_test

import (
	"durapay/errs"
	"durapay/internal/record"
	"durapay/workflows/contract"
)

var (
	regIn  = contract.Registration{ID: regID, MemberID: hana, Sealed: []byte("sealed"), Fingerprint: "f"}
	linkIn = contract.Link{ID: linkID, MembershipID: hana, BankCode: bankCode, Number: "110234567890", HolderName: "김하나", Fingerprint: "f"}
)

var registrations = []scenario{
	{name: "registered", flow: contract.RegistrationFlow, in: regIn, state: record.Succeeded,
		world: func() *world { return &world{} }, diary: lines(`
			begin $REG
			register
			open wallet
			activate
			move $REG SUCCEEDED`)},
	{name: "e-mail taken", flow: contract.RegistrationFlow, in: regIn, state: record.Failed, code: errs.EmailTaken.Code,
		world: func() *world { return &world{register: record.FailureOf(errs.EmailTaken)} }, diary: lines(`
			begin $REG
			register email_taken
			unregister
			move $REG FAILED email_taken`)},
	{name: "wallet refused", flow: contract.RegistrationFlow, in: regIn, state: record.Failed, code: errs.WalletExists.Code,
		world: func() *world { return &world{open: record.FailureOf(errs.WalletExists)} }, diary: lines(`
			begin $REG
			register
			open wallet wallet_exists
			close wallet
			unregister
			move $REG FAILED wallet_exists`)},
	{name: "not cancellable", flow: contract.RegistrationFlow, in: regIn, state: record.Succeeded, cancel: "open",
		world: func() *world { return &world{} }, diary: lines(`
			begin $REG
			register
			open wallet
			activate
			move $REG SUCCEEDED`)},
}

var links = []scenario{
	{name: "linked", flow: contract.LinkFlow, in: linkIn, state: record.Succeeded,
		world: func() *world { return &world{sameName: true} }, diary: lines(`
			begin $LINK
			verify
			link
			confirm name true
			raise limit
			move $LINK SUCCEEDED`)},
	{name: "another holder", flow: contract.LinkFlow, in: linkIn, state: record.Succeeded,
		world: func() *world { return &world{} }, diary: lines(`
			begin $LINK
			verify
			link
			confirm name false
			move $LINK SUCCEEDED`)},
	{name: "name differs", flow: contract.LinkFlow, in: linkIn, state: record.Failed, code: errs.BankNameMismatch.Code,
		world: func() *world { return &world{verify: record.FailureOf(errs.BankNameMismatch)} }, diary: lines(`
			begin $LINK
			verify bank_name_mismatch
			move $LINK FAILED bank_name_mismatch`)},
	{name: "duplicate", flow: contract.LinkFlow, in: linkIn, state: record.Failed, code: errs.BankAccountDuplicate.Code,
		world: func() *world { return &world{link: record.FailureOf(errs.BankAccountDuplicate)} }, diary: lines(`
			begin $LINK
			verify
			link bank_account_duplicate
			move $LINK FAILED bank_account_duplicate`)},
	{name: "bank silent", flow: contract.LinkFlow, in: linkIn, state: record.Failed, code: errs.BankUnreachable.Code,
		world: func() *world { return &world{silent: true} }, diary: lines(`
			begin $LINK
			verify
			move $LINK FAILED bank_unreachable`)},
	{name: "member deactivated", flow: contract.LinkFlow, in: linkIn, state: record.Failed, code: errs.MemberDeactivated.Code,
		world: func() *world { return &world{members: inactive(hana)} }, diary: lines(`
			begin $LINK
			move $LINK FAILED member_deactivated`)},
}
