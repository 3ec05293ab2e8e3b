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

// The font of PDF documents is Noto Sans SC (TrueType, SIL Open Font License) from a package of the
// npm registry that this machine is configured for. The template has the same key and hash.
const (
	fontPackage = "@expo-google-fonts/noto-sans-sc@0.4.3"
	fontInside  = "package/400Regular/NotoSansSC_400Regular.ttf"
	fontSHA256  = "d45f67f0a7c0ca3f256950777ce6a61cc7ce5f9696d02900cbbaac25f8aa7d16"
	fontKey     = "fonts/noto-sans-sc-0.4.3-400.ttf"
)

// fontFile returns the path of the font on this machine.
func fontFile(root string) string {
	return filepath.Join(root, ".local", "fonts", filepath.Base(fontKey))
}

// hasFont reports whether the font is on this machine with the right hash.
func hasFont(root string) bool {
	data, err := os.ReadFile(fontFile(root))
	return err == nil && sha256Hex(data) == fontSHA256
}

// installFont fetches the font unless it is on this machine. When the registry cannot be reached
// everything else still works: statements are made as XLSX only, and a request for a PDF is
// answered with font_missing.
func installFont(ctx context.Context, root string) error {
	return runStep(ctx, "font of documents",
		func(ctx context.Context, say func(string)) (string, error) {
			if hasFont(root) {
				return "ready", nil
			}
			if err := fetchFont(ctx, root, say); err != nil {
				return "not fetched, no PDF: " + shorten(err.Error(), 60), ctx.Err()
			}
			return "installed", nil
		})
}

// fetchFont downloads the package of the font and extracts the font file.
func fetchFont(ctx context.Context, root string, say func(string)) error {
	dir := filepath.Dir(fontFile(root))
	packed := filepath.Join(dir, "package")
	if err := emptyFolder(packed); err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(packed) }() // 57 MB of font weights that are not used
	npm, err := findNPM(ctx, root, say)
	if err != nil {
		return err
	}
	if err := runLogged(ctx,
		newCommand(ctx, root, npm, "pack", "--silent", "--pack-destination", packed,
			fontPackage), filepath.Join(dir, "npm.log"), say); err != nil {
		return err
	}
	found, err := filepath.Glob(filepath.Join(packed, "*.tgz"))
	if err != nil || len(found) != 1 {
		return fmt.Errorf("npm packed %d files, %w", len(found), err)
	}
	data, err := readFromPackage(found[0], fontInside)
	if err != nil {
		return err
	}
	// the template expects exactly this file
	if have := sha256Hex(data); have != fontSHA256 {
		return fmt.Errorf("the font of %s has the SHA-256 %s, not %s", fontPackage, have, fontSHA256)
	}
	return os.WriteFile(fontFile(root), data, 0o644)
}

// findNPM returns the path of npm on this machine; where there is none, it installs npm inside the
// checkout.
func findNPM(ctx context.Context, root string, say func(string)) (string, error) {
	if path, err := exec.LookPath("npm"); err == nil {
		return path, nil
	}
	if _, err := ensureVenv(ctx, root, "node", say); err != nil {
		return "", err
	}
	return toolPath(root, "node", "npm"), nil
}

// maxFont bounds the size of the extracted font file.
const maxFont = 40 << 20

// readFromPackage reads one file of a .tgz package.
func readFromPackage(path, name string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }() // the file was only read
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

// putFont uploads the font to a documents bucket, unless the bucket has it.
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
	defer func() { _ = f.Close() }() // the file was only read
	_, err = client.PutObject(ctx,
		&s3.PutObjectInput{Bucket: aws.String(bucket), Key: aws.String(fontKey), Body: f,
			ContentType: aws.String("font/ttf")})
	return "in " + bucket, err
}

// uploadFont uploads the font to the documents bucket of the running stack.
func uploadFont(ctx context.Context, p profile, _ func(string)) (string, error) {
	out, err := p.stackOutputs(ctx)
	if err != nil {
		return "", err
	}
	return putFont(ctx, p.root, out["DocumentsBucket"], p.s3Client())
}

// uploadDeployedFont uploads the font to the documents bucket of a stack on AWS, with the
// credentials of the caller.
func uploadDeployedFont(ctx context.Context, p profile, stack string) error {
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
	return runStep(ctx, "font into its bucket",
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
