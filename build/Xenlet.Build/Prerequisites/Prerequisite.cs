namespace Xenlet.Build;

/// <summary>Something that a command needs on the machine.</summary>
/// <param name="Need">A description for people.</param>
/// <param name="Package">The Debian package that contains it.</param>
/// <param name="IsPresent">Whether a machine has it.</param>
internal sealed record Prerequisite(string Need, string Package, Func<IMachine, bool> IsPresent)
{
    private const string BochsTerminal = "/usr/lib/x86_64-linux-gnu/bochs/plugins/libbx_term_gui.so.0.0.0";

    /// <summary>Needed to link an image: a compiler driver and linker, objcopy, and glibc's static libraries.</summary>
    public static readonly IReadOnlyList<Prerequisite> Linking =
    [
        new("gcc, which drives the link", "gcc", machine => machine.HasCommand("gcc")),
        new("ld and objcopy", "binutils", machine => machine.HasCommand("ld") && machine.HasCommand("objcopy")),
        new("glibc's static libraries (libc.a)", "libc6-dev", HasStaticLibc),
    ];

    /// <summary>Also needed to link OpenSSL into an image. A publish of a program that needs it names what is missing.</summary>
    public static readonly IReadOnlyList<Prerequisite> Cryptography =
    [
        new("cmake, which compiles .NET's part of OpenSSL", "cmake", machine => machine.HasCommand("cmake")),
        new("make", "make", machine => machine.HasCommand("make")),
        new("OpenSSL's headers and static libraries", "libssl-dev", machine => machine.HasFile("/usr/include/openssl/ssl.h")),
    ];

    /// <summary>Also needed to boot an image.</summary>
    public static readonly IReadOnlyList<Prerequisite> Booting =
    [
        new("QEMU for x86 (qemu-system-x86_64)", "qemu-system-x86", machine => machine.HasCommand("qemu-system-x86_64")),
    ];

    /// <summary>Also needed to boot on the Intel machine.</summary>
    public static readonly IReadOnlyList<Prerequisite> Intel =
    [
        new("the emulator Bochs", "bochs", machine => machine.HasCommand("bochs")),
        new("Bochs' display in a terminal", "bochs-term", machine => machine.HasFile(BochsTerminal)),
        new("Bochs' BIOS", "bochsbios", machine => machine.HasFile("/usr/share/bochs/BIOS-bochs-latest")),
        new("a VGA BIOS", "vgabios", machine => machine.HasFile("/usr/share/vgabios/vgabios.bin")),
        new("GRUB's parts for a BIOS", "grub-pc-bin", machine => machine.HasFile("/usr/lib/grub/i386-pc/boot.img")),
        new("grub-mkimage", "grub-common", machine => machine.HasCommand("grub-mkimage")),
    ];

    /// <summary>Also needed to debug a guest.</summary>
    public static readonly IReadOnlyList<Prerequisite> Debugging = [new("gdb", "gdb", machine => machine.HasCommand("gdb"))];

    /// <summary>Needed by the tests.</summary>
    public static readonly IReadOnlyList<Prerequisite> Testing = [.. Linking, .. Cryptography, .. Booting, .. Intel, .. Debugging];

    private static bool HasStaticLibc(IMachine machine) =>
        machine.HasFile("/usr/lib/x86_64-linux-gnu/libc.a") || machine.HasFile("/usr/lib64/libc.a") || machine.HasFile("/usr/lib/libc.a");
}
