using System.Diagnostics;
using System.IO.Compression;
using System.Reflection;
using System.Security.Cryptography;
using Xenlet.QemuXen;

namespace Xenlet.Tests.RealXenStored;

/// <summary>
/// Debian's xenstored, its command-line tool and their libraries, taken out of the dom0 image, with the shim that stands for the
/// hypervisor. Kept under the repository's artifacts, by the image's key and the shim's hash.
/// </summary>
internal sealed class XenStoreSoftware
{
    private const string Libraries = "lib/x86_64-linux-gnu/";
    private const string ShimSource = "xenstored-shim.c";
    private const UnixFileMode Executable = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;
    private static readonly Lazy<Task<XenStoreSoftware>> Prepared = new(PrepareAsync);
    private readonly string _directory;

    private XenStoreSoftware(string directory) => _directory = directory;

    /// <summary>The daemon.</summary>
    public string Daemon => Path.Combine(_directory, "xenstored");

    /// <summary>The program behind xenstore-read, xenstore-write and so on; the operation is its first argument.</summary>
    public string Tool => Path.Combine(_directory, "xenstore");

    /// <summary>The library to preload into the daemon.</summary>
    public string Shim => Path.Combine(_directory, "xenstored-shim.so");

    /// <summary>Xen's libraries, for LD_LIBRARY_PATH; the C library is the host's.</summary>
    public string LibraryDirectory => Path.Combine(_directory, "lib");

    /// <summary>The software, made ready once in a test run.</summary>
    public static Task<XenStoreSoftware> GetAsync() => Prepared.Value;

    private static async Task<XenStoreSoftware> PrepareAsync()
    {
        string artifacts = Path.Combine(RepositoryRoot(), "artifacts");
        Dom0Image image = await Dom0Image.PrepareAsync(Path.Combine(artifacts, "dom0"));
        byte[] shim = ReadShim();
        string directory = Path.Combine(artifacts, "xenstored", $"{image.Key}-{Convert.ToHexStringLower(SHA256.HashData(shim))[..16]}");
        if (!Directory.Exists(directory))
        {
            string half = $"{directory}.{Environment.ProcessId}";
            Directory.CreateDirectory(Path.Combine(half, "lib"));
            Extract(image.Initramfs, half);
            await CompileAsync(shim, half);
            try
            {
                Directory.Move(half, directory);
            }
            catch (IOException) when (Directory.Exists(directory))
            {
                // Another test run has made it meanwhile.
                Directory.Delete(half, recursive: true);
            }
        }

        return new(directory);
    }

    private static void Extract(string initramfs, string directory)
    {
        using GZipStream archive = new(File.OpenRead(initramfs), CompressionMode.Decompress);
        foreach ((string path, byte[] content) in CpioArchive.Files(archive))
        {
            string name = Path.GetFileName(path);
            if (path is "bin/xenstored" or "bin/xenstore")
            {
                File.WriteAllBytes(Path.Combine(directory, name), content);
                File.SetUnixFileMode(Path.Combine(directory, name), Executable);
            }
            else if (path.StartsWith(Libraries + "libxen", StringComparison.Ordinal))
            {
                File.WriteAllBytes(Path.Combine(directory, "lib", name), content);
            }
        }
    }

    private static async Task CompileAsync(byte[] source, string directory)
    {
        string path = Path.Combine(directory, ShimSource);
        await File.WriteAllBytesAsync(path, source);
        using Process gcc = Process.Start(new ProcessStartInfo(
            "gcc",
            ["-shared", "-fPIC", "-O2", "-Wall", "-Wextra", "-Werror", "-pthread", "-o", Path.Combine(directory, "xenstored-shim.so"),
                path])
        { RedirectStandardError = true })!;
        string errors = await gcc.StandardError.ReadToEndAsync();
        await gcc.WaitForExitAsync();
        if (gcc.ExitCode != 0)
        {
            throw new InvalidOperationException($"gcc cannot compile {ShimSource}:\n{errors}");
        }
    }

    private static byte[] ReadShim()
    {
        using Stream stream = Assembly.GetExecutingAssembly().GetManifestResourceStream(ShimSource)!;
        byte[] source = new byte[stream.Length];
        stream.ReadExactly(source);
        return source;
    }

    private static string RepositoryRoot()
    {
        DirectoryInfo? directory = new(AppContext.BaseDirectory);
        while (directory is not null && !File.Exists(Path.Combine(directory.FullName, "Directory.Packages.props")))
        {
            directory = directory.Parent;
        }

        return directory?.FullName ?? throw new InvalidOperationException("The tests do not run inside the repository.");
    }
}
