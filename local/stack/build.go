package main

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"sort"
)

// target is where binaries will run: on AWS, or on this machine.
type target struct {
	os, arch string
	aws      bool
}

// hostTarget returns this machine.
func hostTarget() target { return target{os: runtime.GOOS, arch: runtime.GOARCH} }

// lambdaTarget returns AWS Lambda with an architecture.
func lambdaTarget(arch string) target { return target{os: "linux", arch: arch, aws: true} }

// String returns operating system and architecture, as "linux/arm64".
func (t target) String() string { return t.os + "/" + t.arch }

// lambdaArch returns the name of the architecture in the API of Lambda.
func (t target) lambdaArch() string {
	if t.arch == "amd64" {
		return "x86_64"
	}
	return t.arch
}

// buildFunctions builds all functions with one call of the Go compiler, which shares the work and
// skips unchanged packages, and zips each binary to .local/build/NAME.zip, where the CodeUri of
// the template expects it.
func buildFunctions(ctx context.Context, root string, t target, say func(string)) (string, error) {
	bin := filepath.Join(root, ".local", "build", "bin-"+t.os+"-"+t.arch)
	if t.aws {
		bin += "-aws"
	}
	if err := goBuild(ctx, root, t, bin, say, "./functions/..."); err != nil {
		return "", err
	}
	names, err := commandNames(filepath.Join(root, "functions"))
	if err != nil {
		return "", err
	}
	say("zipping")
	var packs []func() error
	for _, name := range names {
		packs = append(packs, func() error {
			return zipBinary(filepath.Join(bin, name), filepath.Join(root, ".local", "build", name+".zip"))
		})
	}
	return fmt.Sprintf("%d functions", len(names)), runTogether(packs...)
}

// buildStandins builds the programs that simulate the payment gateways, always for this machine.
// The demo is built with them, while the Python packages are being installed, so that nobody waits
// for it later.
func buildStandins(ctx context.Context, root string, say func(string)) (string, error) {
	bin := filepath.Join(root, ".local", "build", "standin")
	return "ready", goBuild(ctx, root, hostTarget(), bin, say, "./local/standin/...", "./local/demo")
}

// goBuild compiles the main packages that match some patterns into a folder.
func goBuild(ctx context.Context, root string, t target, bin string, say func(string),
	patterns ...string) error {
	if err := os.MkdirAll(bin, 0o755); err != nil {
		return err
	}
	// The trailing separator makes bin a folder. For AWS, equal sources give equal bytes on every
	// machine (no paths, no build info), the compiler uses profiles, and HTTP/2 is left out, because
	// nothing that a function calls needs it. For this machine, the flags are those of every other
	// build, so that compiled packages are shared; this halves the time of a first build.
	args := []string{"build", "-v", "-buildvcs=false", "-ldflags", "-s -w", "-o",
		bin + string(filepath.Separator)}
	env := append(os.Environ(), "CGO_ENABLED=0")
	if !t.aws {
		args = append(args, "-tags", "lambda.norpc", "-pgo=off")
	} else {
		args = append(args, "-tags", "lambda.norpc,nethttpomithttp2", "-trimpath")
		env = append(env, "GOOS="+t.os, "GOARCH="+t.arch)
	}
	cmd := newCommand(ctx, root, "go", append(args, patterns...)...)
	cmd.Env = env
	return runLogged(ctx, cmd, bin+".log", say)
}

// commandNames lists the folders below dir that hold a main.go.
func commandNames(dir string) ([]string, error) {
	mains, err := filepath.Glob(filepath.Join(dir, "*", "main.go"))
	if err != nil {
		return nil, err
	}
	var names []string
	for _, m := range mains {
		names = append(names, filepath.Base(filepath.Dir(m)))
	}
	sort.Strings(names)
	return names, nil
}

// zipBinary zips a binary as Lambda expects it, unless the zip file holds exactly this binary
// already. The comment of the zip file is the hash of the binary; equal binaries give equal zip
// files.
func zipBinary(built, path string) error {
	binary, err := os.ReadFile(built)
	if err != nil {
		return err
	}
	hash := sha256Hex(binary)
	if isZipped(path, hash) {
		return nil
	}
	var buf bytes.Buffer
	w := zip.NewWriter(&buf)
	entry := &zip.FileHeader{Name: "bootstrap", Method: zip.Deflate}
	// Lambda starts the file, so it must be executable
	entry.SetMode(0o755)
	f, err := w.CreateHeader(entry)
	if err != nil {
		return err
	}
	if _, err := f.Write(binary); err != nil {
		return err
	}
	if err := errors.Join(w.SetComment(hash), w.Close()); err != nil {
		return err
	}
	return os.WriteFile(path, buf.Bytes(), 0o644)
}

// isZipped reports whether a zip file was made of the binary with a hash.
func isZipped(path, hash string) bool {
	r, err := zip.OpenReader(path)
	if err != nil {
		return false
	}
	defer func() { _ = r.Close() }() // the file was only read
	return r.Comment == hash
}
