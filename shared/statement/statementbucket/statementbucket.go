// Package statementbucket stores documents in an S3 bucket, issues links to them that soon expire,
// and reads from the same bucket the font in which they are set.
package statementbucket

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/url"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go"

	"fenzhang/shared/fault"
	"fenzhang/shared/fault/awsfault"
	"fenzhang/shared/statement"
)

// Bucket stores documents in an S3 bucket. It implements statement.Files.
type Bucket struct {
	S3   *s3.Client
	Name string
	// Font is the key of the font's file.
	Font string
	// FontSHA256 is the SHA-256 that the font's file must have, in hexadecimal.
	FontSHA256 string
}

var _ statement.Files = (*Bucket)(nil)

// HasFile implements statement.Files.
func (b *Bucket) HasFile(ctx context.Context, name string) (bool, error) {
	_, err := b.S3.HeadObject(ctx,
		&s3.HeadObjectInput{Bucket: aws.String(b.Name), Key: aws.String(name)})
	var absent *types.NotFound
	if errors.As(err, &absent) {
		return false, nil
	}
	if err != nil {
		return false, awsfault.Classify(fmt.Errorf("statementbucket: %w", err))
	}
	return true, nil
}

// PutFile implements statement.Files. Its condition (If-None-Match) keeps a document that another
// call has written, which has the same content.
func (b *Bucket) PutFile(ctx context.Context, name string, format statement.Format,
	body []byte) error {
	_, err := b.S3.PutObject(ctx, &s3.PutObjectInput{Bucket: aws.String(b.Name), Key: aws.String(name),
		Body:        bytes.NewReader(body),
		ContentType: aws.String(format.MediaType()), IfNoneMatch: aws.String("*")})
	var refused smithy.APIError
	if errors.As(err, &refused) && refused.ErrorCode() == "PreconditionFailed" {
		return nil
	}
	return awsfault.Classify(err)
}

// PresignLink implements statement.Files.
func (b *Bucket) PresignLink(ctx context.Context, name, as string, format statement.Format,
	life time.Duration) (string, error) {
	req, err := s3.NewPresignClient(b.S3).PresignGetObject(ctx,
		&s3.GetObjectInput{Bucket: aws.String(b.Name), Key: aws.String(name),
			ResponseContentType:        aws.String(format.MediaType()),
			ResponseContentDisposition: aws.String("attachment; filename*=UTF-8''" + url.PathEscape(as))},
		s3.WithPresignExpires(life))
	if err != nil {
		return "", fault.Internal(err)
	}
	return req.URL, nil
}

// maxFont is the largest size of the font's file in bytes.
const maxFont = 40 << 20

// ReadFont reads the font and refuses a file with another hash than the configured one. It returns
// fault.Unavailable with the reason font_missing when there is no such file.
func (b *Bucket) ReadFont(ctx context.Context) ([]byte, error) {
	out, err := b.S3.GetObject(ctx,
		&s3.GetObjectInput{Bucket: aws.String(b.Name), Key: aws.String(b.Font)})
	var absent *types.NoSuchKey
	if errors.As(err, &absent) {
		e := fault.Temporary(err)
		e.Reason, e.Public = "font_missing",
			"The font for documents is not in its bucket yet; the operator puts it there. XLSX needs no "+
				"font."
		return nil, e
	}
	if err != nil {
		return nil, awsfault.Classify(fmt.Errorf("statementbucket: font: %w", err))
	}
	defer func() { _ = out.Body.Close() }() // it was only read
	data, err := io.ReadAll(io.LimitReader(out.Body, maxFont))
	if err != nil {
		return nil, awsfault.Classify(fmt.Errorf("statementbucket: font: %w", err))
	}
	if sum := sha256.Sum256(data); hex.EncodeToString(sum[:]) != b.FontSHA256 {
		return nil, fault.Internal(
			fmt.Errorf("statementbucket: the font %s is not the one that was chosen: SHA-256 %x",
				b.Font, sum))
	}
	return data, nil
}
