package gateway

import (
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"unicode"

	"github.com/gin-gonic/gin"
	"github.com/go-playground/validator/v10"

	"durapay/errs"
	"durapay/internal/id"
	"durapay/internal/page"
)

// bind reads a JSON body strictly: one object, no unknown fields, right types, and the
// rules of its validate tags. Errors point at the field and say what was expected.
func bind(c *gin.Context, into any) error {
	if media, _, err := mime.ParseMediaType(c.GetHeader("Content-Type")); err != nil || media != "application/json" {
		return errs.UnsupportedMedia
	}
	d := json.NewDecoder(c.Request.Body)
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return decodeError(err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errs.MalformedJSON
	}
	return check(into)
}

var unknownField = regexp.MustCompile(`^json: unknown field "(.*)"$`)

func decodeError(err error) error {
	var tooLarge *http.MaxBytesError
	var wrongType *json.UnmarshalTypeError
	switch {
	case errors.As(err, &tooLarge):
		return errs.BodyTooLarge.With("limit", tooLarge.Limit)
	case errors.As(err, &wrongType) && wrongType.Field != "":
		return errs.InvalidField("/"+strings.ReplaceAll(wrongType.Field, ".", "/"), errs.FieldType, "expected", typeWords(wrongType.Type))
	}
	if m := unknownField.FindStringSubmatch(err.Error()); m != nil {
		return errs.InvalidField("/"+m[1], errs.FieldUnknown)
	}
	return errs.MalformedJSON.Because(err)
}

// typeWords names a Go type as a client knows it.
func typeWords(t reflect.Type) string {
	switch t.Kind() {
	case reflect.Int64:
		return "an integer"
	case reflect.String:
		return "a string"
	case reflect.Bool:
		return "true or false"
	case reflect.Struct, reflect.Map:
		return "an object"
	case reflect.Slice:
		return "an array"
	default:
		return "another type"
	}
}

// rules checks the validate tags; fields go by their JSON names.
var rules = newRules()

func newRules() *validator.Validate {
	v := validator.New(validator.WithRequiredStructEnabled())
	v.RegisterTagNameFunc(func(f reflect.StructField) string {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		return name
	})
	_ = v.RegisterValidation("id", isID)       // refuses only an empty name
	_ = v.RegisterValidation("plain", isPlain) // so does this
	return v
}

// isPlain tells whether a text can be shown to others as it is: no control characters,
// and nothing that turns the direction of what stands around it.
func isPlain(f validator.FieldLevel) bool {
	return !strings.ContainsFunc(f.Field().String(), func(r rune) bool {
		return unicode.Is(unicode.Cc, r) || unicode.Is(unicode.Bidi_Control, r)
	})
}

// isID tells whether a field is a well-formed id with the prefix that the tag names. What
// is none cannot be stored with a request, so it must not get as far as a flow.
func isID(f validator.FieldLevel) bool { return id.Valid(f.Param(), f.Field().String()) }

func check(body any) error {
	err := rules.Struct(body)
	var broken validator.ValidationErrors
	if !errors.As(err, &broken) {
		return err
	}
	fields := make([]errs.Field, len(broken))
	for i, b := range broken {
		fields[i] = fieldOf(b)
	}
	return errs.InvalidFields(fields...)
}

func fieldOf(b validator.FieldError) errs.Field {
	_, path, _ := strings.Cut(b.Namespace(), ".")
	f := errs.Field{Pointer: "/" + strings.ReplaceAll(path, ".", "/")}
	text := b.Kind() == reflect.String
	switch b.Tag() {
	case "required", "required_without":
		f.Code = errs.FieldRequired.Code
	case "min":
		f.Code, f.Params = pick(text, errs.FieldTooShort, errs.FieldTooSmall), map[string]string{"min": b.Param()}
	case "max":
		f.Code, f.Params = pick(text, errs.FieldTooLong, errs.FieldTooLarge), map[string]string{"max": b.Param()}
	case "oneof":
		f.Code, f.Params = errs.FieldNotOneOf.Code, map[string]string{"allowed": strings.ReplaceAll(b.Param(), " ", ", ")}
	case "eq":
		f.Code, f.Params = errs.FieldMustBe.Code, map[string]string{"expected": b.Param()}
	case "id":
		f.Code, f.Params = errs.FieldFormat.Code, map[string]string{"expected": b.Param() + "_ and 26 characters"}
	case "plain":
		f.Code, f.Params = errs.FieldFormat.Code, map[string]string{"expected": "text without control characters"}
	case "excluded_with":
		f.Code = errs.FieldForbidden.Code
	default:
		f.Code, f.Params = errs.FieldFormat.Code, map[string]string{"expected": b.Tag()}
	}
	return f
}

func pick(text bool, forText, forNumber *errs.Error) errs.Code {
	if text {
		return forText.Code
	}
	return forNumber.Code
}

// named lets only a well-formed id pass as the path's first parameter. To a database "x "
// may be "x": it would answer for an id that nobody has.
func named(prefix string, none error) gin.HandlerFunc {
	return func(c *gin.Context) {
		if !id.Valid(prefix, c.Params[0].Value) {
			fail(c, none)
			return
		}
		c.Next()
	}
}

// pageOf reads the cursor and limit of a list.
func pageOf(c *gin.Context) (page.Request, error) {
	limit := 0
	if q, given := c.GetQuery("limit"); given {
		n, err := strconv.Atoi(q)
		if err != nil || n == 0 {
			return page.Request{}, errs.InvalidField("?limit", errs.FieldMustBe, "expected", "1 to 100")
		}
		limit = n
	}
	return page.Parse(c.Query("cursor"), limit)
}
