package auditverify

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"golang.org/x/sync/errgroup"

	"fenzhang/shared/audit"
	"fenzhang/shared/audit/auditlog"
)

// newS3 makes the S3 client of the stack.
func newS3(cfg aws.Config) *s3.Client {
	return s3.NewFromConfig(cfg, auditlog.UsePathStyleLocally(cfg))
}

// version is one version of an object. Object Lock protects versions: a newer version or a delete
// marker can still be added on top of the first version.
type version struct{ key, id string }

// fetchers is the number of objects that are read at the same time.
const fetchers = 16

// fetchEvidence saves the first version of every object into a folder, and returns a finding for
// each object that has a newer version or a delete marker.
func fetchEvidence(ctx context.Context, client *s3.Client, bucket,
	dir string) ([]audit.Finding, error) {
	first, odd, err := firstVersions(ctx, client, bucket)
	if err != nil {
		return nil, err
	}
	if err := os.RemoveAll(dir); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(fetchers)
	for _, v := range first {
		g.Go(func() error { return saveObject(ctx, client, bucket, dir, v) })
	}
	return odd, g.Wait()
}

// firstVersions lists the first version of every object. S3 lists the newest version of a key
// first, so the last one listed is the first version.
func firstVersions(ctx context.Context, client *s3.Client,
	bucket string) (map[string]version, []audit.Finding, error) {
	first := map[string]version{}
	var odd []audit.Finding
	pages := s3.NewListObjectVersionsPaginator(client, &s3.ListObjectVersionsInput{Bucket: &bucket})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, nil, fmt.Errorf("list the audit bucket: %w", err)
		}
		for _, v := range page.Versions {
			key := aws.ToString(v.Key)
			if _, known := first[key]; known {
				odd = append(odd, audit.Finding{Object: key, Problem: audit.Added,
					Detail: "a newer version lies over the first one, which was checked"})
			}
			first[key] = version{key: key, id: aws.ToString(v.VersionId)}
		}
		for _, d := range page.DeleteMarkers {
			odd = append(odd, audit.Finding{Object: aws.ToString(d.Key), Problem: audit.Missing,
				Detail: "it is marked as deleted; the locked version is still there and was checked"})
		}
	}
	return first, odd, nil
}

// saveObject saves one version of an object below the folder.
func saveObject(ctx context.Context, client *s3.Client, bucket, dir string, v version) error {
	path := filepath.Join(dir, filepath.FromSlash(v.key))
	// A key such as ../x would write outside the folder.
	if !strings.HasPrefix(path, filepath.Clean(dir)+string(filepath.Separator)) {
		return fmt.Errorf("the object %q has a name outside the folder", v.key)
	}
	res, err := client.GetObject(ctx,
		&s3.GetObjectInput{Bucket: &bucket, Key: &v.key, VersionId: &v.id})
	if err != nil {
		return fmt.Errorf("fetch %s: %w", v.key, err)
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		return fmt.Errorf("fetch %s: %w", v.key, err)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return os.WriteFile(path, body, 0o644)
}
