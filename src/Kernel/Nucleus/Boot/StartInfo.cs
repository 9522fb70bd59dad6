using System.Runtime.InteropServices;

namespace Xenlet.Kernel.Nucleus.Boot;

/// <summary>struct hvm_start_info of xen/include/public/arch-x86/hvm/start_info.h: what the PVH loader tells the guest.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct StartInfo
{
    /// <summary>XEN_HVM_START_MAGIC_VALUE.</summary>
    public const uint XEN_HVM_START_MAGIC_VALUE = 0x336ec578;

    public uint Magic;

    /// <summary>Versions 1 and later have the memory map.</summary>
    public uint Version;

    public uint Flags;
    public uint ModuleCount;
    public ulong ModuleListAddress;

    /// <summary>Physical address of the NUL-terminated command line, or 0.</summary>
    public ulong CommandLineAddress;

    public ulong RsdpAddress;
    public ulong MemoryMapAddress;
    public uint MemoryMapEntries;
    public uint Reserved;
}

/// <summary>struct hvm_modlist_entry of the same header.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct ModuleListEntry
{
    public ulong Address;

    /// <summary>Bytes. Xen's tool stack passes whole pages.</summary>
    public ulong Size;

    public ulong CommandLineAddress;
    public ulong Reserved;
}

/// <summary>struct hvm_memmap_table_entry of the same header.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct MemoryMapEntry
{
    /// <summary>XEN_HVM_MEMMAP_TYPE_RAM.</summary>
    public const uint XEN_HVM_MEMMAP_TYPE_RAM = 1;

    public ulong Address;
    public ulong Size;
    public uint Type;
    public uint Reserved;
}
