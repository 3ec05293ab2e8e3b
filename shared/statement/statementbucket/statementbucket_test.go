package statementbucket_test

import (
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"fenzhang/shared/fault"
	"fenzhang/shared/statement"
	"fenzhang/shared/statement/statementbucket"
)

const font = "the bytes of a font"

// serve answers like S3 for one bucket with the given objects, and keeps what is put.
func serve(t *testing.T, objects map[string]string) *statementbucket.Bucket {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		key := strings.TrimPrefix(r.URL.Path, "/documents/")
		body, there := objects[key]
		switch {
		case r.Method == http.MethodPut && there && r.Header.Get("If-None-Match") == "*":
			w.WriteHeader(http.StatusPreconditionFailed)
			io.WriteString(w, `<Error><Code>PreconditionFailed</Code></Error>`)
		case r.Method == http.MethodPut:
			b, _ := io.ReadAll(r.Body)
			objects[key] = string(b)
		case !there:
			w.WriteHeader(http.StatusNotFound)
			io.WriteString(w, `<Error><Code>NoSuchKey</Code></Error>`)
		default:
			io.WriteString(w, body)
		}
	}))
	t.Cleanup(server.Close)
	client := s3.New(s3.Options{Region: "cn-north-1", BaseEndpoint: aws.String(server.URL), UsePathStyle: true, RetryMaxAttempts: 1,
		Credentials: credentials.NewStaticCredentialsProvider("key", "secret", "")})
	sum := sha256.Sum256([]byte(font))
	return &statementbucket.Bucket{S3: client, Name: "documents", Font: "fonts/text.ttf", FontSHA256: hex.EncodeToString(sum[:])}
}

func TestADocumentIsWrittenOnce(t *testing.T) {
	objects := map[string]string{}
	b := serve(t, objects)
	if there, err := b.HasFile(t.Context(), "a.pdf"); there || err != nil {
		t.Fatalf("there before it was written: %v %v", there, err)
	}
	for _, body := range []string{"first", "second"} {
		if err := b.PutFile(t.Context(), "a.pdf", statement.PDF, []byte(body)); err != nil {
			t.Fatal(err)
		}
	}
	if there, err := b.HasFile(t.Context(), "a.pdf"); !there || err != nil || !strings.Contains(objects["a.pdf"], "first") {
		t.Errorf("%v %v, the bucket has %q, want the first document", there, err, objects["a.pdf"])
	}
}

func TestALinkSavesTheFileUnderItsName(t *testing.T) {
	link, err := serve(t, nil).PresignLink(t.Context(), "statements/a.pdf", "DZ202608-c 1.pdf", statement.PDF, 5*time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(link)
	if err != nil {
		t.Fatal(err)
	}
	q := u.Query()
	if q.Get("X-Amz-Expires") != "300" || q.Get("response-content-type") != "application/pdf" ||
		q.Get("response-content-disposition") != "attachment; filename*=UTF-8''DZ202608-c%201.pdf" {
		t.Errorf("link %s", link)
	}
}

func TestOnlyTheChosenFontIsRead(t *testing.T) {
	if got, err := serve(t, map[string]string{"fonts/text.ttf": font}).ReadFont(t.Context()); err != nil || string(got) != font {
		t.Errorf("%q %v", got, err)
	}
	if _, err := serve(t, map[string]string{"fonts/text.ttf": "another font"}).ReadFont(t.Context()); !fault.HasCode(err, fault.System) {
		t.Errorf("another font: %v", err)
	}
	if _, err := serve(t, nil).ReadFont(t.Context()); !fault.HasCode(err, fault.Unavailable) || fault.AsError(err).Reason != "font_missing" {
		t.Errorf("no font: %v", err)
	}
}
