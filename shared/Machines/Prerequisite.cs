namespace Xenlet.Machines;

/// <summary>Something that is needed on the machine.</summary>
/// <param name="Need">A description for people.</param>
/// <param name="Package">The Debian package that contains it.</param>
/// <param name="IsPresent">Whether a machine has it.</param>
internal sealed record Prerequisite(string Need, string Package, Func<IInstalledFiles, bool> IsPresent)
{
    private static readonly string[] LibraryDirectories = ["/usr/lib/x86_64-linux-gnu/", "/usr/lib64/", "/usr/lib/"];

    /// <summary>Needed to link OpenSSL into an image: .NET's part of it is compiled against OpenSSL's headers.</summary>
    public static readonly IReadOnlyList<Prerequisite> Cryptography =
    [
        new("cmake, which compiles .NET's part of OpenSSL", "cmake", machine => machine.HasCommand("cmake")),
        new("make", "make", machine => machine.HasCommand("make")),
        new(
            "OpenSSL's headers and static libraries", "libssl-dev",
            machine => machine.HasFile("/usr/include/openssl/ssl.h") && HasLibrary(machine, "libssl.a")
                && HasLibrary(machine, "libcrypto.a")),
    ];

    /// <summary>Needed to link OpenSSL's digests alone into an image.</summary>
    public static readonly IReadOnlyList<Prerequisite> Digests =
        [new("OpenSSL's static library (libcrypto.a)", "libssl-dev", machine => HasLibrary(machine, "libcrypto.a"))];

    /// <summary>Needed to link ICU into an image: .NET's part of it is compiled against ICU's headers.</summary>
    public static readonly IReadOnlyList<Prerequisite> Cultures =
    [
        new("cmake, which compiles .NET's part of ICU", "cmake", machine => machine.HasCommand("cmake")),
        new("make", "make", machine => machine.HasCommand("make")),
        new("C++'s static library", "g++", machine => machine.HasCommand("g++")),
        new(
            "ICU's headers, static libraries and compiler of resources", "libicu-dev",
            machine => machine.HasFile("/usr/include/unicode/ucol.h") && HasLibrary(machine, "libicuuc.a")
                && HasLibrary(machine, "libicui18n.a") && HasLibrary(machine, "libicudata.a") && machine.HasCommand("genrb")),
    ];

    /// <summary>Needed to link an image: a compiler driver and linker, objcopy, and glibc's static libraries.</summary>
    /// <param name="driver">The compiler driver.</param>
    public static IReadOnlyList<Prerequisite> Linking(string driver = "gcc") =>
    [
        new($"{driver}, which drives the link", "gcc", machine => machine.HasCommand(driver)),
        new("ld and objcopy", "binutils", machine => machine.HasCommand("ld") && machine.HasCommand("objcopy")),
        new("glibc's static libraries (libc.a)", "libc6-dev", machine => HasLibrary(machine, "libc.a")),
    ];

    /// <summary>Those that a machine lacks.</summary>
    public static IReadOnlyList<Prerequisite> Missing(IEnumerable<Prerequisite> needed, IInstalledFiles machine) =>
        [.. needed.Where(prerequisite => !prerequisite.IsPresent(machine))];

    private static bool HasLibrary(IInstalledFiles machine, string name) =>
        LibraryDirectories.Any(directory => machine.HasFile(directory + name));
}
