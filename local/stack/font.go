package main

import (
	"archive/tar"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"fenzhang/shared/lambda/awsclient"
)

// The font of documents: Noto Sans SC, TrueType, under the SIL Open Font License, out of a package
// of the npm registry that this machine is set up for. The template names the same file and the
// same hash.
const (
	fontPackage = "@expo-google-fonts/noto-sans-sc@0.4.3"
	fontInside  = "package/400Regular/NotoSansSC_400Regular.ttf"
	fontSHA256  = "d45f67f0a7c0ca3f256950777ce6a61cc7ce5f9696d02900cbbaac25f8aa7d16"
	fontKey     = "fonts/noto-sans-sc-0.4.3-400.ttf"
)

// fontFile is where the font lies on this machine.
func fontFile(root string) string {
	return filepath.Join(root, ".local", "fonts", filepath.Base(fontKey))
}

// hasFont tells whether the font is here, to the byte.
func hasFont(root string) bool {
	data, err := os.ReadFile(fontFile(root))
	return err == nil && hashOf(data) == fontSHA256
}

// installFont fetches the font once. Without a way to its registry everything else still works:
// statements are then made as XLSX only, and a PDF answers font_missing.
func installFont(ctx context.Context, root string) error {
	return step(ctx, "font of documents", func(ctx context.Context, say func(string)) (string, error) {
		if hasFont(root) {
			return "ready", nil
		}
		if err := fetchFont(ctx, root, say); err != nil {
			return "not fetched, no PDF: " + shorten(err.Error(), 60), ctx.Err()
		}
		return "installed", nil
	})
}

// fetchFont takes the font out of its package.
func fetchFont(ctx context.Context, root string, say func(string)) error {
	dir := filepath.Dir(fontFile(root))
	packed := filepath.Join(dir, "package")
	if err := emptied(packed); err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(packed) }() // 57 MB of weights that nobody uses
	npm, err := findNPM(ctx, root, say)
	if err != nil {
		return err
	}
	if err := command(ctx, program(ctx, root, npm, "pack", "--silent", "--pack-destination", packed,
		fontPackage), filepath.Join(dir, "npm.log"), say); err != nil {
		return err
	}
	found, err := filepath.Glob(filepath.Join(packed, "*.tgz"))
	if err != nil || len(found) != 1 {
		return fmt.Errorf("npm packed %d files, %w", len(found), err)
	}
	data, err := fromPackage(found[0], fontInside)
	if err != nil {
		return err
	}
	if have := hashOf(data); have != fontSHA256 {
		return fmt.Errorf("the font of %s has the SHA-256 %s, not %s", fontPackage, have, fontSHA256)
	}
	return os.WriteFile(fontFile(root), data, 0o644)
}

// findNPM gives the npm of this machine or, where there is none, installs one inside the checkout.
func findNPM(ctx context.Context, root string, say func(string)) (string, error) {
	if path, err := exec.LookPath("npm"); err == nil {
		return path, nil
	}
	if _, err := ensureVenv(ctx, root, "node", say); err != nil {
		return "", err
	}
	return tool(root, "node", "npm"), nil
}

// maxFont bounds what is read of a package's file.
const maxFont = 40 << 20

// fromPackage reads one file of a package.
func fromPackage(path, name string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }() // it was only read
	z, err := gzip.NewReader(f)
	if err != nil {
		return nil, err
	}
	for r := tar.NewReader(z); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return nil, fmt.Errorf("%s is not in %s", name, filepath.Base(path))
		}
		if err != nil {
			return nil, err
		}
		if h.Name == name {
			return io.ReadAll(io.LimitReader(r, maxFont))
		}
	}
}

// putFont puts the font into a documents bucket, unless it lies there.
func putFont(ctx context.Context, root, bucket string, client *s3.Client) (string, error) {
	if !hasFont(root) {
		return "no font here: a PDF answers font_missing", nil
	}
	if _, err := client.HeadObject(ctx,
		&s3.HeadObjectInput{Bucket: aws.String(bucket), Key: aws.String(fontKey)}); err == nil {
		return "ready", nil
	}
	f, err := os.Open(fontFile(root))
	if err != nil {
		return "", err
	}
	defer func() { _ = f.Close() }() // it was only read
	_, err = client.PutObject(ctx,
		&s3.PutObjectInput{Bucket: aws.String(bucket), Key: aws.String(fontKey), Body: f,
			ContentType: aws.String("font/ttf")})
	return "in " + bucket, err
}

// lendFont puts the font into the running stack's bucket.
func (p profile) lendFont(ctx context.Context) error {
	return step(ctx, "font into its bucket",
		func(ctx context.Context, _ func(string)) (string, error) {
			out, err := p.outputs(ctx)
			if err != nil {
				return "", err
			}
			return putFont(ctx, p.root, out["DocumentsBucket"], p.s3())
		})
}

// deployedFont puts the font into the bucket of a stack on AWS, with the caller's credentials.
func deployedFont(ctx context.Context, p profile, stack string) error {
	if stack == "" {
		return errors.New("name the stack: font STACK")
	}
	if err := installFont(ctx, p.root); err != nil {
		return err
	}
	cfg, err := awsclient.Config(ctx)
	if err != nil {
		return err
	}
	return step(ctx, "font into its bucket",
		func(ctx context.Context, _ func(string)) (string, error) {
			res, err := cloudformation.NewFromConfig(cfg).DescribeStackResource(ctx,
				&cloudformation.DescribeStackResourceInput{StackName: aws.String(stack),
					LogicalResourceId: aws.String("DocumentsBucket")})
			if err != nil {
				return "", err
			}
			return putFont(ctx, p.root, aws.ToString(res.StackResourceDetail.PhysicalResourceId),
				s3.NewFromConfig(cfg))
		})
}
