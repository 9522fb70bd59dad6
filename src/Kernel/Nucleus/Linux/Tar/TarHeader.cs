using System.Runtime.InteropServices;

namespace Xenlet.Kernel.Nucleus.Linux.Tar;

/// <summary>The header block of an entry: struct posix_header of GNU tar's tar.h, the ustar interchange format of POSIX.1-2001.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct TarHeader
{
    public const int Size = 512;
    public const int NameSize = 100;
    public const int NumberSize = 12;
    public const int ChecksumSize = 8;
    public const int PrefixSize = 155;

    public fixed byte Name[NameSize];
    public fixed byte Mode[8];
    public fixed byte User[8];
    public fixed byte Group[8];
    public fixed byte Length[NumberSize];
    public fixed byte Modified[NumberSize];
    public fixed byte Checksum[ChecksumSize];
    public byte Type;
    public fixed byte LinkName[100];
    public fixed byte Magic[8];
    public fixed byte UserName[32];
    public fixed byte GroupName[32];
    public fixed byte DeviceMajor[8];
    public fixed byte DeviceMinor[8];

    /// <summary>What stands before the name, with a slash between. GNU's own format has other things here.</summary>
    public fixed byte Prefix[PrefixSize];

    public fixed byte Padding[12];
}
