package gateway

import (
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"slices"

	"github.com/getkin/kin-openapi/openapi2"
	"github.com/getkin/kin-openapi/openapi2conv"
	"github.com/gin-gonic/gin"
	swaggerFiles "github.com/swaggo/files"
	ginSwagger "github.com/swaggo/gin-swagger"

	"durapay/errs"
	"durapay/gateway/docs"
)

// documents describe the API as Swagger 2 and as OpenAPI 3.
type documents struct{ v2, v3 []byte }

// swaggerUI serves the Swagger UI over the generated document.
func (s *Server) swaggerUI() gin.HandlerFunc {
	const document = "/doc.json"
	ui := ginSwagger.WrapHandler(swaggerFiles.Handler, ginSwagger.URL("/swagger"+document), ginSwagger.PersistAuthorization(true))
	return func(c *gin.Context) {
		if c.Param("any") != document {
			ui(c)
			return
		}
		s.answerDocument(c, func(d documents) []byte { return d.v2 })
	}
}

// openAPI gives the document as OpenAPI 3.
func (s *Server) openAPI(c *gin.Context) {
	s.answerDocument(c, func(d documents) []byte { return d.v3 })
}

func (s *Server) answerDocument(c *gin.Context, form func(documents) []byte) {
	all, err := s.documents()
	if err != nil {
		fail(c, errs.InternalError.Because(err))
		return
	}
	c.Data(http.StatusOK, "application/json", form(all))
}

// documentsOf describes the operations with these tags.
func documentsOf(tags []string) (d documents, err error) {
	if d.v2, err = onlyTagged([]byte(docs.SwaggerInfo.ReadDoc()), tags); err != nil {
		return d, fmt.Errorf("the API's document: %w", err)
	}
	var v2 openapi2.T
	if err = json.Unmarshal(d.v2, &v2); err != nil {
		return d, fmt.Errorf("the API's document: %w", err)
	}
	v3, err := openapi2conv.ToV3(&v2)
	if err != nil {
		return d, fmt.Errorf("the API's document as OpenAPI 3: %w", err)
	}
	d.v3, err = json.Marshal(v3)
	return describeErrors(d, err)
}

// object is a JSON object whose members stay as they are written.
type object = map[string]json.RawMessage

// onlyTagged leaves out the operations of a Swagger 2 document that have none of these
// tags, and the definitions that nothing is left to need.
func onlyTagged(document []byte, tags []string) ([]byte, error) {
	var all struct{ Paths, Definitions object }
	var rest object
	if err := json.Unmarshal(document, &all); err != nil {
		return nil, err
	}
	if err := json.Unmarshal(document, &rest); err != nil {
		return nil, err
	}
	for path, operations := range all.Paths {
		kept, err := taggedOf(operations, tags)
		if err != nil {
			return nil, err
		}
		if all.Paths[path] = kept; kept == nil {
			delete(all.Paths, path)
		}
	}
	var err error
	if rest["paths"], err = json.Marshal(all.Paths); err != nil {
		return nil, err
	}
	if rest["definitions"], err = json.Marshal(needed(rest["paths"], all.Definitions)); err != nil {
		return nil, err
	}
	return json.Marshal(rest)
}

// taggedOf leaves out the operations of a path with none of these tags, nil for no
// operation left.
func taggedOf(operations json.RawMessage, tags []string) (json.RawMessage, error) {
	var byMethod object
	if err := json.Unmarshal(operations, &byMethod); err != nil {
		return nil, err
	}
	for method, operation := range byMethod {
		var its struct{ Tags []string }
		if err := json.Unmarshal(operation, &its); err != nil {
			return nil, err
		}
		if !slices.ContainsFunc(its.Tags, func(tag string) bool { return slices.Contains(tags, tag) }) {
			delete(byMethod, method)
		}
	}
	if len(byMethod) == 0 {
		return nil, nil
	}
	return json.Marshal(byMethod)
}

var reference = regexp.MustCompile(`"#/definitions/([^"]+)"`)

// needed are the definitions that a text refers to, and those that these refer to.
func needed(text []byte, definitions object) object {
	found := object{}
	for queue := [][]byte{text}; len(queue) > 0; queue = queue[1:] { // each definition enters once
		for _, match := range reference.FindAllSubmatch(queue[0], -1) {
			name := string(match[1])
			if _, known := found[name]; !known && definitions[name] != nil {
				found[name] = definitions[name]
				queue = append(queue, definitions[name])
			}
		}
	}
	return found
}
