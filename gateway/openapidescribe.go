package gateway

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/getkin/kin-openapi/openapi2"
	"github.com/getkin/kin-openapi/openapi3"

	"durapay/errs"
	"durapay/gateway/problem"
)

// describeErrors tells in both documents which codes each answer can have, with an
// example, and all the codes there are. The documents have passed through a generator
// and a converter that know neither.
func describeErrors(d documents, err error) (documents, error) {
	if err != nil {
		return d, err
	}
	var v2 openapi2.T
	if err := json.Unmarshal(d.v2, &v2); err != nil {
		return d, fmt.Errorf("the API's document: %w", err)
	}
	var v3 openapi3.T
	if err := json.Unmarshal(d.v3, &v3); err != nil {
		return d, fmt.Errorf("the API's document as OpenAPI 3: %w", err)
	}
	byOperation := describeV2(&v2)
	describeV3(&v3, byOperation)
	if d.v2, err = json.Marshal(v2); err != nil {
		return d, fmt.Errorf("the API's document: %w", err)
	}
	if d.v3, err = json.Marshal(v3); err != nil {
		return d, fmt.Errorf("the API's document as OpenAPI 3: %w", err)
	}
	return d, nil
}

// describeV2 describes the Swagger 2 document, and gives the refusals of each operation
// by its id and their statuses.
func describeV2(d *openapi2.T) map[string]map[int][]refusal {
	byOperation := map[string]map[int][]refusal{}
	for _, item := range d.Paths {
		for _, o := range item.Operations() {
			byStatus := refusalsOf(o)
			byOperation[o.OperationID] = byStatus
			describeOperationV2(d, o, byStatus)
		}
	}
	for _, in := range codeMembers() {
		if schema := d.Definitions[in.schema]; schema != nil {
			schema.Value.Properties[in.member].Value.Enum = in.enum()
		}
	}
	if schema := d.Definitions[payloadIn]; schema != nil {
		schema.Value.Properties["payload"].Value.Example = payloadExample()
	}
	return byOperation
}

func describeOperationV2(d *openapi2.T, o *openapi2.Operation, byStatus map[int][]refusal) {
	if len(o.Produces) == 0 {
		o.Produces = slices.Clone(d.Produces)
	}
	if !slices.Contains(o.Tags, healthTag) {
		o.Produces = append(o.Produces, problem.ContentType)
	}
	for status, refusals := range byStatus {
		r := o.Responses.Value(strconv.Itoa(status))
		if r == nil {
			continue // a test tells
		}
		r.Description = description(r.Description, refusals)
		if status >= http.StatusBadRequest {
			r.Examples = map[string]any{problem.ContentType: exampleOf(refusals[0])}
		}
	}
	if text, found := bodyExamples[o.OperationID]; found {
		o.Responses.Value("200").Examples = map[string]any{o.Produces[0]: text}
	}
}

// describeV3 describes the OpenAPI 3 document; its problems have their own media type.
func describeV3(d *openapi3.T, byOperation map[string]map[int][]refusal) {
	for _, item := range d.Paths.Map() {
		for _, o := range item.Operations() {
			describeOperationV3(o, byOperation[o.OperationID])
		}
	}
	for _, in := range codeMembers() {
		if schema := d.Components.Schemas[in.schema]; schema != nil {
			schema.Value.Properties[in.member].Value.Enum = in.enum()
		}
	}
	if schema := d.Components.Schemas[payloadIn]; schema != nil {
		schema.Value.Properties["payload"].Value.Example = payloadExample()
	}
}

func describeOperationV3(o *openapi3.Operation, byStatus map[int][]refusal) {
	for status, refusals := range byStatus {
		r := o.Responses.Value(strconv.Itoa(status))
		if r == nil {
			continue
		}
		text := description(*r.Value.Description, refusals)
		r.Value.Description = &text
		if status >= http.StatusBadRequest {
			body := openapi3.NewMediaType().WithSchemaRef(openapi3.NewSchemaRef("#/components/schemas/Problem", nil))
			body.Example = exampleOf(refusals[0])
			r.Value.Content = openapi3.Content{problem.ContentType: body}
		}
	}
	if text, found := bodyExamples[o.OperationID]; found {
		for _, body := range o.Responses.Value("200").Value.Content {
			body.Example = text
		}
	}
}

// description lists codes with their titles. A problem is described by them alone; what a
// success is stays before them.
func description(before string, refusals []refusal) string {
	lines := make([]string, len(refusals))
	for i, r := range refusals {
		lines[i] = "- " + string(r.code.Code) + ": " + problem.Words(string(r.code.Code), problem.English).Title
	}
	if member := refusals[0].member; member != "" {
		lines = append([]string{before + "\n\nIts " + member + " can be", ""}, lines...)
	}
	return strings.Join(lines, "\n")
}

// codeMember is a member of a schema that holds codes, and those it can hold.
type codeMember struct {
	schema, member string
	codes          []*errs.Error
}

func codeMembers() []codeMember {
	whole := slices.DeleteFunc(errs.All(), func(e *errs.Error) bool { return slices.Contains(fieldErrors(), e) })
	return []codeMember{{"Problem", "code", whole}, {"Failure", "code", whole}, {"FieldProblem", "code", fieldErrors()}}
}

// fieldErrors tell what is wrong with one member of a request.
func fieldErrors() []*errs.Error {
	return []*errs.Error{errs.FieldRequired, errs.FieldUnknown, errs.FieldType, errs.FieldFormat, errs.FieldTooLong, errs.FieldTooShort,
		errs.FieldTooLarge, errs.FieldTooSmall, errs.FieldNotOneOf, errs.FieldForbidden, errs.FieldMustBe}
}

func (m codeMember) enum() []any {
	all := make([]any, len(m.codes))
	for i, e := range m.codes {
		all[i] = string(e.Code)
	}
	return all
}
