using System.Runtime.InteropServices;

namespace Xenlet.Kernel.Nucleus.Console;

/// <summary>
/// The kernel's <c>struct termios</c>, which TCGETS and TCSETS transfer (asm-generic/termbits.h): 36 bytes, smaller than the C library's.
/// </summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct Termios
{
    /// <summary>The number of <see cref="ControlCharacters"/>: NCCS of asm-generic/termbits.h.</summary>
    public const int NCCS = 19;

    /// <summary>c_iflag.</summary>
    public uint InputFlags;

    /// <summary>c_oflag.</summary>
    public uint OutputFlags;

    /// <summary>c_cflag. Stored and returned only; a Xen console has no line speed.</summary>
    public uint ControlFlags;

    /// <summary>c_lflag.</summary>
    public uint LocalFlags;

    /// <summary>c_line. Always N_TTY, 0.</summary>
    public byte Line;

    /// <summary>c_cc. 0 (_POSIX_VDISABLE) disables a special character.</summary>
    public fixed byte ControlCharacters[NCCS];
}

/// <summary>Flags and indexes of <see cref="Termios"/> under their names in asm-generic/termbits.h.</summary>
internal static class TermiosBits
{
    public const uint ISTRIP = 0x20;
    public const uint INLCR = 0x40;
    public const uint IGNCR = 0x80;
    public const uint ICRNL = 0x100;
    public const uint IMAXBEL = 0x2000;
    public const uint IUTF8 = 0x4000;

    public const uint OPOST = 0x1;
    public const uint ONLCR = 0x4;

    public const uint B38400 = 0xf;
    public const uint CS8 = 0x30;
    public const uint CREAD = 0x80;
    public const uint HUPCL = 0x400;

    public const uint ISIG = 0x1;
    public const uint ICANON = 0x2;
    public const uint ECHO = 0x8;
    public const uint ECHOE = 0x10;
    public const uint ECHOK = 0x20;
    public const uint ECHONL = 0x40;
    public const uint NOFLSH = 0x80;
    public const uint ECHOCTL = 0x200;
    public const uint ECHOKE = 0x800;
    public const uint IEXTEN = 0x8000;

    public const int VINTR = 0;
    public const int VQUIT = 1;
    public const int VERASE = 2;
    public const int VKILL = 3;
    public const int VEOF = 4;
    public const int VTIME = 5;
    public const int VMIN = 6;
    public const int VSTART = 8;
    public const int VSTOP = 9;
    public const int VSUSP = 10;
    public const int VEOL = 11;
    public const int VREPRINT = 12;
    public const int VDISCARD = 13;
    public const int VWERASE = 14;
    public const int VLNEXT = 15;
    public const int VEOL2 = 16;
}
