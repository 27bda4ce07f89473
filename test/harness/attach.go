package harness

// Attach gives a platform that the test runs by itself, for what members, franchises and
// operators do there. Its Data, processes and logs are the test's own business.
func Attach(binary, api, bank string, secrets map[string]string) *Platform {
	return &Platform{API: api, BankURL: bank, Secrets: secrets, binary: binary, http: newHTTP()}
}
