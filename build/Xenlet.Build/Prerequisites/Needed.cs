using Xenlet.Machines;

namespace Xenlet.Build;

/// <summary>What the commands need on the machine, besides what any publish of a guest needs.</summary>
internal static class Needed
{
    private const string BochsTerminal = "/usr/lib/x86_64-linux-gnu/bochs/plugins/libbx_term_gui.so.0.0.0";

    /// <summary>Needed to boot an image.</summary>
    public static readonly IReadOnlyList<Prerequisite> Booting =
    [
        new("QEMU for x86 (qemu-system-x86_64)", "qemu-system-x86", machine => machine.HasCommand("qemu-system-x86_64")),
    ];

    /// <summary>Needed to boot on the Intel machine.</summary>
    public static readonly IReadOnlyList<Prerequisite> Intel =
    [
        new("the emulator Bochs", "bochs", machine => machine.HasCommand("bochs")),
        new("Bochs' display in a terminal", "bochs-term", machine => machine.HasFile(BochsTerminal)),
        new("Bochs' BIOS", "bochsbios", machine => machine.HasFile("/usr/share/bochs/BIOS-bochs-latest")),
        new("a VGA BIOS", "vgabios", machine => machine.HasFile("/usr/share/vgabios/vgabios.bin")),
        new("GRUB's parts for a BIOS", "grub-pc-bin", machine => machine.HasFile("/usr/lib/grub/i386-pc/boot.img")),
        new("grub-mkimage", "grub-common", machine => machine.HasCommand("grub-mkimage")),
    ];

    /// <summary>Needed to debug a guest.</summary>
    public static readonly IReadOnlyList<Prerequisite> Debugging = [new("gdb", "gdb", machine => machine.HasCommand("gdb"))];

    /// <summary>Programs of Linux that the TCP/IP stack is tested with.</summary>
    public static readonly IReadOnlyList<Prerequisite> Networking =
    [
        new("ip and ss", "iproute2", machine => machine.HasCommand("ip") && machine.HasCommand("ss")),
        new("curl", "curl", machine => machine.HasCommand("curl")),
        new("openssl", "openssl", machine => machine.HasCommand("openssl")),
        new("certificates of authorities", "ca-certificates", machine => machine.HasFile("/etc/ssl/certs/ca-certificates.crt")),
        new("iperf3", "iperf3", machine => machine.HasCommand("iperf3")),
        new("OpenBSD's nc", "netcat-openbsd", machine => machine.HasCommand("nc.openbsd")),
        new("nmap", "nmap", machine => machine.HasCommand("nmap")),
        new("h2load", "nghttp2-client", machine => machine.HasCommand("h2load")),
        new("ab", "apache2-utils", machine => machine.HasCommand("ab")),
        new("wrk", "wrk", machine => machine.HasCommand("wrk")),
        new("sslscan", "sslscan", machine => machine.HasCommand("sslscan")),
    ];

    /// <summary>What makes and checks Linux's file system on a disk that a Xenlet serves.</summary>
    private static readonly Prerequisite FileSystems = new(
        "mkfs.ext4 and e2fsck", "e2fsprogs", machine => machine.HasCommand("mkfs.ext4") && machine.HasCommand("e2fsck"));

    /// <summary>What opens an encrypted disk that a Xenlet serves.</summary>
    private static readonly Prerequisite Encryption = new("cryptsetup", "cryptsetup-bin", machine => machine.HasCommand("cryptsetup"));

    /// <summary>The time zones of an image.</summary>
    private static readonly Prerequisite TimeZones = new(
        "time zones", "tzdata", machine => machine.HasFile("/usr/share/zoneinfo/zone.tab"));

    /// <summary>Needed by the tests.</summary>
    public static readonly IReadOnlyList<Prerequisite> Testing =
        [
            .. Prerequisite.Linking(), .. Prerequisite.Cryptography, .. Prerequisite.Cultures, TimeZones, .. Booting, .. Intel,
            .. Debugging, .. Networking, FileSystems, Encryption,
        ];
}
