package gateway

import (
	"encoding/json"
	"net/http"
	"sync"

	"github.com/getkin/kin-openapi/openapi2"
	"github.com/getkin/kin-openapi/openapi2conv"
	"github.com/gin-gonic/gin"
	swaggerFiles "github.com/swaggo/files"
	ginSwagger "github.com/swaggo/gin-swagger"

	"durapay/errs"
	"durapay/gateway/docs"
)

// swaggerUI serves the Swagger UI over the generated document.
func swaggerUI() gin.HandlerFunc {
	return ginSwagger.WrapHandler(swaggerFiles.Handler, ginSwagger.URL("/swagger/doc.json"), ginSwagger.PersistAuthorization(true))
}

// openAPI3 converts the generated Swagger 2 document, once.
var openAPI3 = sync.OnceValues(func() ([]byte, error) {
	var v2 openapi2.T
	if err := json.Unmarshal([]byte(docs.SwaggerInfo.ReadDoc()), &v2); err != nil {
		return nil, err
	}
	v3, err := openapi2conv.ToV3(&v2)
	if err != nil {
		return nil, err
	}
	return json.Marshal(v3)
})

// openAPI gives the document as OpenAPI 3.
func openAPI(c *gin.Context) {
	doc, err := openAPI3()
	if err != nil {
		fail(c, errs.InternalError.Because(err))
		return
	}
	c.Data(http.StatusOK, "application/json", doc)
}
