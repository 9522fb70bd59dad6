using System.IO.Compression;
using System.Reflection;
using System.Security.Cryptography;
using System.Text;
using Xenlet.QemuXen.Image;

namespace Xenlet.QemuXen;

/// <summary>
/// The three files that boot real Xen with a small dom0: the hypervisor, Debian's kernel, and an initramfs with the Xen tools. They are
/// made once from Debian's packages, and kept under a name that changes with the packages and the scripts in this project.
/// </summary>
public sealed class Dom0Image
{
    /// <summary>The default directory of the image, relative to the current directory.</summary>
    public const string DefaultDirectory = "artifacts/dom0";

    private const string FormatVersion = "2";
    private const string ToolDirectory = "usr/lib/xen-4.17/bin/";
    private const string HypervisorPackage = "xen-hypervisor-4.17-amd64";
    private const string ToolsPackage = "xen-utils-4.17";
    private const string StorePackage = "xenstore-utils";
    private const string BusyboxPackage = "busybox-static";
    private const string KernelMetaPackage = "linux-image-amd64";
    private const string AptListsDirectory = "/var/lib/apt/lists";

    // pthread_cancel loads libgcc_s by name at run time, so no DT_NEEDED shows it. Without it, xl and xenconsoled abort at exit.
    private const string UnwinderPackage = "libgcc-s1";
    private const string UnwinderLibrary = "libgcc_s.so.1";

    private static readonly string[] Tools =
        ["xl", "xenstored", "xenstore-control", "xenconsoled", "xenconsole", "xen-init-dom0", "xenctx", "libxl-save-helper", "xen-diag",
            "xen-hvmctx", "test-xenstore", "xentop", "xentrace"];

    private static readonly string[] StoreTools =
        ["chmod", "exists", "list", "ls", "read", "rm", "watch", "write"];

    private static readonly string[] Modules = ["9p", "xen-evtchn", "xen-gntdev", "xen-gntalloc", "xen-privcmd", "xenfs"];

    /// <summary>Modules through which dom0 reaches the host in QEMU.</summary>
    private static readonly string[] VirtioModules = ["virtio_pci", "virtio_console", "9pnet_virtio"];

    /// <summary>Modules through which dom0 reaches the host in Bochs.</summary>
    private static readonly string[] NetworkModules = ["9pnet_fd", "e1000"];

    /// <summary>Modules for guests' devices, which dom0 loads while it is already in use.</summary>
    private static readonly string[] DeviceModules = ["loop", "xen-blkback", "xen-netback", "bridge", "tun"];

    /// <summary>
    /// Modules for Linux guests that Debian's kernel does not have built in: the front ends, a file system with its checksums, and
    /// encrypted disks. What one asks for by name while it runs, as for checksums and ciphers, is named here too.
    /// </summary>
    private static readonly string[] GuestModules = ["xen-blkfront", "xen-netfront", "crc32c_generic", "ext4", "dm-crypt", "xts", "ecb"];

    private static readonly string[] Directories =
    [
        "dev", "proc", "sys", "tmp/images", "tmp/save", "run/xen", "run/xenstored", "run/lock", "var/lib/xen", "var/lib/xenstored",
        "var/log/xen", "root",
        "host", "etc/xen/scripts", "usr/bin", "usr/sbin", "sbin",
    ];

    private Dom0Image(string directory, string key)
    {
        Directory = directory;
        Key = key;
    }

    /// <summary>Directory that holds the files of this image.</summary>
    public string Directory { get; }

    /// <summary>A hash of everything that the image was made from.</summary>
    public string Key { get; }

    /// <summary>The hypervisor, a multiboot ELF file.</summary>
    public string Hypervisor => Path.Combine(Directory, "xen.elf");

    /// <summary>Debian's kernel for dom0: an uncompressed ELF file, which also boots as a PVH guest.</summary>
    public string Kernel => Path.Combine(Directory, "vmlinux");

    /// <summary>The initramfs of dom0.</summary>
    public string Initramfs => Path.Combine(Directory, "initramfs.gz");

    /// <summary>A statically linked busybox, for initramfs images of guests.</summary>
    public string Busybox => Path.Combine(Directory, "busybox");

    private string ModuleDirectory => Path.Combine(Directory, "modules");

    private bool IsComplete => File.Exists(Path.Combine(Directory, "complete"));

    /// <summary>Returns the image. Makes it first if it does not exist or is out of date.</summary>
    /// <param name="directory">Cache directory. Created if missing.</param>
    /// <param name="progress">Receives one line for each step that takes time.</param>
    /// <param name="cancellationToken">Cancels the work. An incomplete image is not used later.</param>
    /// <exception cref="QemuXenException">Packages cannot be found or downloaded. The message names the command that helps.</exception>
    public static async Task<Dom0Image> PrepareAsync(
        string directory, IProgress<string>? progress = null, CancellationToken cancellationToken = default)
    {
        progress ??= new Progress<string>();
        string root = Path.GetFullPath(directory);
        System.IO.Directory.CreateDirectory(root);
        using FileStream alone = await LockAsync(Path.Combine(root, "lock"), progress, cancellationToken);

        string stamp = await SourceStampAsync(cancellationToken);
        string current = Path.Combine(root, "current");
        if (File.Exists(current)
            && await File.ReadAllLinesAsync(current, cancellationToken) is [var oldStamp, var oldKey]
            && oldStamp == stamp
            && new Dom0Image(Path.Combine(root, oldKey), oldKey) is { IsComplete: true } unchanged)
        {
            return unchanged;
        }

        DebianPackages packages = new(Path.Combine(root, "packages"), progress);
        progress.Report("looking up the packages of Xen 4.17 and its dom0");
        List<DebianPackage> parts = await SelectAsync(packages, cancellationToken);
        string key = KeyOf(parts);
        Dom0Image image = new(Path.Combine(root, key), key);
        if (!image.IsComplete)
        {
            await image.MakeAsync(packages, parts, progress, cancellationToken);
        }

        // The search may have updated apt's lists.
        stamp = await SourceStampAsync(cancellationToken);
        await File.WriteAllLinesAsync(current, [stamp, key], cancellationToken);
        return image;
    }

    /// <summary>A kernel module for Linux guests and everything that it depends on, in the order in which insmod can load them.</summary>
    /// <param name="name">Its name, such as xen-blkfront.</param>
    /// <returns>Paths of the modules, the named one last. Each file is named after its module, with "_" for "-".</returns>
    /// <exception cref="QemuXenException">The image has no such module.</exception>
    public IReadOnlyList<string> GuestModuleFiles(string name) =>
        KernelModules.LoadOrder([name], "a guest", module => ElfFileOf(module)?.ModuleDependencies()).ConvertAll(ModuleFile);

    /// <summary>A dom0 script embedded in this assembly.</summary>
    internal static byte[] Script(string name)
    {
        using Stream stream = Assembly.GetExecutingAssembly().GetManifestResourceStream("dom0/" + name)
            ?? throw new InvalidOperationException($"The assembly has no script '{name}'.");
        byte[] content = new byte[stream.Length];
        stream.ReadExactly(content);
        return content;
    }

    private string ModuleFile(string module) => Path.Combine(ModuleDirectory, module + ".ko");

    private ElfFile? ElfFileOf(string module) =>
        File.Exists(ModuleFile(module)) ? ElfFile.Read(File.ReadAllBytes(ModuleFile(module)), ModuleFile(module)) : null;

    private static IEnumerable<string> ScriptNames =>
        Assembly.GetExecutingAssembly().GetManifestResourceNames()
            .Where(name => name.StartsWith("dom0/", StringComparison.Ordinal))
            .Select(name => name["dom0/".Length..])
            .Order(StringComparer.Ordinal);

    private static async Task<FileStream> LockAsync(string path, IProgress<string> progress, CancellationToken cancellationToken)
    {
        bool said = false;
        while (true)
        {
            try
            {
                return new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
            }
            catch (IOException)
            {
                if (!said)
                {
                    said = true;
                    progress.Report("waiting for another process that prepares the same dom0");
                }

                await Task.Delay(200, cancellationToken);
            }
        }
    }

    /// <summary>
    /// A stamp that changes whenever apt's lists, the scripts or the image's format may have changed. Cheap to compute, unlike the key.
    /// </summary>
    private static async Task<string> SourceStampAsync(CancellationToken cancellationToken)
    {
        using IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        AppendOwnParts(hash);
        if (System.IO.Directory.Exists(AptListsDirectory))
        {
            foreach (FileInfo file in new DirectoryInfo(AptListsDirectory).EnumerateFiles("*_Packages*").OrderBy(
                f => f.Name, StringComparer.Ordinal))
            {
                hash.AppendData(Encoding.UTF8.GetBytes($"{file.Name} {file.Length} {file.LastWriteTimeUtc.Ticks}\n"));
            }
        }

        await Task.Yield();
        cancellationToken.ThrowIfCancellationRequested();
        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }

    private static string KeyOf(IEnumerable<DebianPackage> parts)
    {
        using IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        AppendOwnParts(hash);
        foreach (DebianPackage part in parts.OrderBy(p => p.Name, StringComparer.Ordinal))
        {
            hash.AppendData(Encoding.UTF8.GetBytes($"{part.Name} {part.Version} {part.Sha256}\n"));
        }

        return Convert.ToHexStringLower(hash.GetHashAndReset())[..16];
    }

    private static void AppendOwnParts(IncrementalHash hash)
    {
        hash.AppendData(Encoding.UTF8.GetBytes(FormatVersion));
        string[][] lists = [Tools, StoreTools, Modules, VirtioModules, NetworkModules, DeviceModules, GuestModules, Directories];
        foreach (string entry in lists.SelectMany(list => list))
        {
            hash.AppendData(Encoding.UTF8.GetBytes(entry + "\n"));
        }

        foreach (string name in ScriptNames)
        {
            hash.AppendData(Script(name));
        }
    }

    /// <summary>The packages with programs first, then all library packages that they depend on, nearest first.</summary>
    private static async Task<List<DebianPackage>> SelectAsync(DebianPackages packages, CancellationToken cancellationToken)
    {
        IReadOnlyList<DebianPackage> programs = await packages.FindAsync(
            [HypervisorPackage, ToolsPackage, StorePackage, BusyboxPackage, UnwinderPackage, KernelMetaPackage], cancellationToken);
        DebianPackage meta = programs.First(package => package.Name == KernelMetaPackage);
        string kernelName = meta.Depends.FirstOrDefault(name => name.StartsWith("linux-image-", StringComparison.Ordinal))
            ?? throw new QemuXenException($"{KernelMetaPackage} {meta.Version} names no kernel package.");
        List<DebianPackage> selected = new(programs.Where(package => package != meta));
        selected.AddRange(await packages.FindAsync([kernelName], cancellationToken));

        // The tools' other dependencies (python, perl) belong to programs that are not included.
        List<DebianPackage> level = programs.Where(package => package.Name is ToolsPackage or StorePackage).ToList();
        while (level.Count > 0)
        {
            string[] names =
            [
                .. level.SelectMany(package => package.Depends).Where(IsLibraryPackage).Distinct()
                    .Where(name => !selected.Exists(package => package.Name == name)),
            ];
            if (names.Length == 0)
            {
                break;
            }

            level = [.. await packages.FindAsync(names, cancellationToken)];
            selected.AddRange(level);
        }

        return selected;
    }

    /// <summary>Debian names library packages after the library; zlib kept an older name.</summary>
    private static bool IsLibraryPackage(string name) => name.StartsWith("lib", StringComparison.Ordinal) || name == "zlib1g";

    private async Task MakeAsync(
        DebianPackages packages, List<DebianPackage> parts, IProgress<string> progress, CancellationToken cancellationToken)
    {
        ImageContents contents = new();
        LibraryResolver libraries = new();
        IReadOnlyList<string> paths = await packages.DownloadAsync(parts, cancellationToken);
        for (int i = 0; i < parts.Count; i++)
        {
            DebianPackage part = parts[i];
            if (i > 0
                && IsLibraryPackage(part.Name)
                && part.Name != UnwinderPackage
                && contents.HasPrograms
                && libraries.Missing.Count == 0)
            {
                continue;
            }

            List<PackageFile> files = await DebianPackages.ReadAsync(paths[i], name => Wants(part.Name, name), cancellationToken);
            contents.Take(files, libraries);
        }

        if (libraries.Missing.Count > 0)
        {
            throw new QemuXenException($"No package of the Xen tools has the libraries {string.Join(", ", libraries.Missing)}.");
        }

        progress.Report("packing the dom0 image");
        System.IO.Directory.CreateDirectory(Directory);
        await contents.WriteAsync(this, libraries, cancellationToken);
        await File.WriteAllLinesAsync(
            Path.Combine(Directory, "complete"), parts.Select(part => $"{part.Name} {part.Version}"), cancellationToken);
    }

    private static bool Wants(string package, string path) => package switch
    {
        HypervisorPackage => path.StartsWith("boot/xen-", StringComparison.Ordinal) && path.EndsWith(".gz", StringComparison.Ordinal),
        ToolsPackage => path.StartsWith(ToolDirectory, StringComparison.Ordinal) && Tools.Contains(path[ToolDirectory.Length..]),
        StorePackage => path.StartsWith("usr/bin/xenstore", StringComparison.Ordinal),
        BusyboxPackage => path == "bin/busybox",
        _ when package.StartsWith("linux-image-", StringComparison.Ordinal) =>
            path.StartsWith("boot/vmlinuz-", StringComparison.Ordinal) || path.EndsWith(".ko", StringComparison.Ordinal),
        _ => (path.StartsWith("lib", StringComparison.Ordinal) || path.StartsWith("usr/lib/", StringComparison.Ordinal)) && path.Contains(
            ".so", StringComparison.Ordinal)
            && !path.Contains("/gconv/", StringComparison.Ordinal),
    };

    /// <summary>The contents taken from the packages, until they are written.</summary>
    private sealed class ImageContents
    {
        private readonly Dictionary<string, PackageFile> _programs = new(StringComparer.Ordinal);
        private readonly Dictionary<string, PackageFile> _modules = new(StringComparer.Ordinal);
        private byte[]? _hypervisor;
        private byte[]? _kernel;
        private byte[]? _busybox;
        private PackageFile? _interpreter;

        public bool HasPrograms => _programs.Count > Tools.Length;

        public void Take(List<PackageFile> files, LibraryResolver libraries)
        {
            foreach (PackageFile file in files)
            {
                string name = Path.GetFileName(file.Path);
                if (file.Path.StartsWith("boot/xen-", StringComparison.Ordinal))
                {
                    _hypervisor = Gunzip(file.Content);
                }
                else if (file.Path.StartsWith("boot/vmlinuz-", StringComparison.Ordinal))
                {
                    _kernel = file.Content;
                }
                else if (file.Path == "bin/busybox")
                {
                    _busybox = file.Content;
                }
                else if (name.EndsWith(".ko", StringComparison.Ordinal))
                {
                    _modules[KernelModules.Normalise(name[..^3])] = file;
                }
                else if (file.Path.StartsWith(ToolDirectory, StringComparison.Ordinal) || file.Path.StartsWith(
                    "usr/bin/", StringComparison.Ordinal))
                {
                    if (file.LinkTarget is null)
                    {
                        _programs[name] = file;
                        libraries.RequireFor(file);
                    }
                }
                else
                {
                    if (name == "ld-linux-x86-64.so.2" && file.LinkTarget is null)
                    {
                        _interpreter = file;
                    }

                    libraries.Offer(file);
                    if (name == UnwinderLibrary)
                    {
                        libraries.Require(UnwinderLibrary);
                    }
                }
            }
        }

        public async Task WriteAsync(Dom0Image image, LibraryResolver libraries, CancellationToken cancellationToken)
        {
            await WriteFileAsync(image.Hypervisor, Present(_hypervisor, "hypervisor"), cancellationToken);
            byte[] bzImage = Present(_kernel, "kernel");
            byte[] kernel = LinuxKernelImage.Extract(bzImage) is { } extracted ? LinuxKernelImage.Shorten(extracted) : bzImage;
            await WriteFileAsync(image.Kernel, kernel, cancellationToken);
            await WriteFileAsync(image.Busybox, Present(_busybox, "busybox"), cancellationToken);
            File.SetUnixFileMode(image.Busybox, (UnixFileMode)0x1ED);
            System.IO.Directory.CreateDirectory(image.ModuleDirectory);
            foreach (string module in LoadOrder(GuestModules, "a guest"))
            {
                await WriteFileAsync(image.ModuleFile(module), _modules[module].Content, cancellationToken);
            }

            using MemoryStream archive = new();
            WriteArchive(archive, libraries);
            using FileStream file = File.Create(image.Initramfs);
            using GZipStream gzip = new(file, CompressionLevel.Optimal);
            archive.Position = 0;
            await archive.CopyToAsync(gzip, cancellationToken);
        }

        private void WriteArchive(Stream output, LibraryResolver libraries)
        {
            using CpioWriter cpio = new(output);
            foreach (string directory in Directories)
            {
                cpio.AddDirectory(directory);
            }

            cpio.AddCharacterDevice("dev/console", 5, 1);
            cpio.AddFile("bin/busybox", Present(_busybox, "busybox"), executable: true);
            cpio.AddLink("bin/sh", "busybox");
            foreach (PackageFile program in _programs.Values)
            {
                cpio.AddFile("bin/" + Path.GetFileName(program.Path), program.Content, executable: true);
            }

            // A single program that acts according to the name it is called by.
            foreach (string tool in StoreTools)
            {
                cpio.AddLink("bin/xenstore-" + tool, "xenstore");
            }

            // The path of the helper that xl starts is fixed when xl is compiled.
            cpio.AddLink(ToolDirectory.TrimEnd('/'), "/bin");
            PackageFile interpreter = _interpreter ?? throw new QemuXenException("libc6 has no ld-linux-x86-64.so.2.");
            cpio.AddFile("lib64/ld-linux-x86-64.so.2", interpreter.Content, executable: true);
            foreach ((string name, PackageFile library) in libraries.Used.OrderBy(pair => pair.Key, StringComparer.Ordinal))
            {
                if (name != "ld-linux-x86-64.so.2")
                {
                    cpio.AddFile("lib/x86_64-linux-gnu/" + name, library.Content, executable: true);
                }
            }

            List<string> early = LoadOrder(Modules, "dom0");
            List<string> virtio = LoadOrder([.. Modules, .. VirtioModules], "dom0");
            List<string> network = LoadOrder([.. Modules, .. NetworkModules], "dom0");
            List<string> late = LoadOrder([.. Modules, .. DeviceModules], "dom0");
            foreach (string module in early.Union(virtio).Union(network).Union(late))
            {
                cpio.AddFile($"lib/modules/{module}.ko", _modules[module].Content);
            }

            AddList("early", early);
            AddList("virtio", virtio.Except(early));
            AddList("network", network.Except(early));
            AddList("late", late.Except(early));
            cpio.AddLink("var/run", "/run");
            cpio.AddLink("var/lock", "/run/lock");
            cpio.AddFile("etc/xen/xl.conf", []);
            cpio.AddFile("etc/passwd", "root::0:0:root:/root:/bin/sh\n"u8);
            cpio.AddFile("etc/group", "root:x:0:\n"u8);
            cpio.AddFile("etc/hosts", "127.0.0.1 localhost\n"u8);
            foreach (string script in ScriptNames)
            {
                string path = script switch
                {
                    "init" => "init",
                    "block" or "vif-bridge" => "etc/xen/scripts/" + script,
                    _ => "bin/" + script,
                };
                cpio.AddFile(path, Script(script), executable: true);
            }

            void AddList(string name, IEnumerable<string> modules) =>
                cpio.AddFile("lib/modules/" + name, Encoding.ASCII.GetBytes(string.Concat(modules.Select(module => module + "\n"))));
        }

        private List<string> LoadOrder(IEnumerable<string> wanted, string user) => KernelModules.LoadOrder(
            wanted,
            user,
            module => _modules.TryGetValue(module, out PackageFile? file)
                ? ElfFile.Read(file.Content, file.Path).ModuleDependencies()
                : null);

        private static byte[] Present(byte[]? part, string what) =>
            part ?? throw new QemuXenException($"The packages hold no {what}.");

        private static async Task WriteFileAsync(string path, byte[] content, CancellationToken cancellationToken) =>
            await File.WriteAllBytesAsync(path, content, cancellationToken);

        private static byte[] Gunzip(byte[] compressed)
        {
            using GZipStream input = new(new MemoryStream(compressed), CompressionMode.Decompress);
            MemoryStream output = new();
            input.CopyTo(output);
            return output.ToArray();
        }
    }
}
