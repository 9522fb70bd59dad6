namespace Xenlet.Build;

/// <summary>Something of the machine's that a command cannot do without.</summary>
/// <param name="Need">What it is, for people.</param>
/// <param name="Package">The Debian package that has it.</param>
/// <param name="IsPresent">Whether a machine has it.</param>
internal sealed record Prerequisite(string Need, string Package, Func<IMachine, bool> IsPresent)
{
    /// <summary>What linking an image needs: a compiler driver and linker, objcopy, and glibc's static libraries.</summary>
    public static readonly IReadOnlyList<Prerequisite> Linking =
    [
        new("gcc, which drives the link", "gcc", machine => machine.HasCommand("gcc")),
        new("ld and objcopy", "binutils", machine => machine.HasCommand("ld") && machine.HasCommand("objcopy")),
        new("glibc's static libraries (libc.a)", "libc6-dev", HasStaticLibc),
    ];

    /// <summary>What booting an image needs besides.</summary>
    public static readonly IReadOnlyList<Prerequisite> Booting =
    [
        new("QEMU for x86 (qemu-system-x86_64)", "qemu-system-x86", machine => machine.HasCommand("qemu-system-x86_64")),
    ];

    /// <summary>What looking into a guest with a debugger needs besides.</summary>
    public static readonly IReadOnlyList<Prerequisite> Debugging = [new("gdb", "gdb", machine => machine.HasCommand("gdb"))];

    /// <summary>What the tests need.</summary>
    public static readonly IReadOnlyList<Prerequisite> Testing = [.. Linking, .. Booting, .. Debugging];

    private static bool HasStaticLibc(IMachine machine) =>
        machine.HasFile("/usr/lib/x86_64-linux-gnu/libc.a") || machine.HasFile("/usr/lib64/libc.a") || machine.HasFile("/usr/lib/libc.a");
}
