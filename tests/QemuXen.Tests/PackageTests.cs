using System.Text;
using Xenlet.QemuXen.Image;

namespace Xenlet.QemuXen.Tests;

public sealed class PackageTests
{
    [Fact]
    public void The_stanzas_of_apt_give_versions_and_first_alternatives()
    {
        List<DebianPackage> packages = DebianPackage.Parse(
            """
            Package: xen-utils-4.17
            Version: 4.17.7+13-g1-0+deb12u1
            Depends: libc6 (>= 2.35), python3:any, default-mta | exim4, libxencall1 (>= 4.17.7)
            Pre-Depends: init-system-helpers
            Description: tools
             A continued line: with a colon
            SHA256: 00ff

            Package: busybox-static
            Version: 1:1.35.0-4
            SHA256: 11

            """);

        Assert.Equal(2, packages.Count);
        Assert.Equal(("xen-utils-4.17", "4.17.7+13-g1-0+deb12u1", "00ff"), (packages[0].Name, packages[0].Version, packages[0].Sha256));
        Assert.Equal(["init-system-helpers", "libc6", "python3", "default-mta", "libxencall1"], packages[0].Depends);
        Assert.Equal("1:1.35.0-4", packages[1].Version);
        Assert.Empty(packages[1].Depends);
    }

    [Fact]
    public void Libraries_are_found_through_libraries_and_what_is_missing_is_named()
    {
        LibraryResolver resolver = new();
        resolver.RequireFor(new("bin/xl", SharedObject(null, "libxl.so.1", "libc.so.6"), null));
        Assert.Equal(["libc.so.6", "libxl.so.1"], resolver.Missing);

        resolver.Offer(new("lib/libxl.so.1.17", SharedObject("libxl.so.1", "libyajl.so.2"), null));
        Assert.Equal(["libc.so.6", "libyajl.so.2"], resolver.Missing);

        resolver.Offer(new("lib/libunused.so", SharedObject("libunused.so.9"), null));
        resolver.Offer(new("lib/libyajl.so.2", [], "libyajl.so.2.1.0"));
        resolver.Offer(new("lib/libyajl.so.2.1.0", SharedObject("libyajl.so.2", "libc.so.6"), null));
        resolver.Offer(new("lib/libc.so.6", SharedObject(null), null));

        Assert.Empty(resolver.Missing);
        Assert.Equal(["libc.so.6", "libxl.so.1", "libyajl.so.2"], resolver.Used.Keys.Order(StringComparer.Ordinal));
        Assert.Equal("lib/libxl.so.1.17", resolver.Used["libxl.so.1"].Path);
    }

    [Fact]
    public void A_file_that_is_no_elf_file_is_named() =>
        Assert.Contains(
            "bin/x",
            Assert.Throws<InvalidDataException>(() => ElfFile.Read("#!/bin/sh"u8.ToArray(), "bin/x")).Message,
            StringComparison.Ordinal);

    [Fact]
    public void An_elf_file_that_is_cut_short_is_named() =>
        Assert.Contains(
            "lib/cut.so",
            Assert.Throws<InvalidDataException>(
                () => ElfFile.Read(SharedObject("libcut.so", "libc.so.6").AsMemory(0, 200), "lib/cut.so")).Message,
            StringComparison.Ordinal);

    [Fact]
    public void The_libraries_of_a_real_program_are_read()
    {
        string program = File.Exists("/usr/bin/dpkg-deb") ? "/usr/bin/dpkg-deb" : "/bin/ls";

        Assert.Contains("libc.so.6", ElfFile.Read(File.ReadAllBytes(program), program).Needed);
    }

    [Fact]
    public void Modules_come_after_those_they_depend_on()
    {
        Dictionary<string, string[]> modules = new(StringComparer.Ordinal)
        {
            ["9p"] = ["9pnet", "fscache"],
            ["9pnet"] = [],
            ["fscache"] = ["netfs"],
            ["netfs"] = [],
            ["xen_evtchn"] = [],
        };

        List<string> order = KernelModules.LoadOrder(["xen-evtchn", "9p", "netfs"], "dom0", name => modules.GetValueOrDefault(name));

        Assert.Equal(["xen_evtchn", "9pnet", "netfs", "fscache", "9p"], order);
    }

    [Fact]
    public void A_module_that_is_missing_and_one_that_needs_itself_are_named()
    {
        QemuXenException missing = Assert.Throws<QemuXenException>(
            () => KernelModules.LoadOrder(["a"], "a guest", name => name == "a" ? ["b"] : null));
        Assert.Contains("no module b, which a needs", missing.Message, StringComparison.Ordinal);

        QemuXenException circle = Assert.Throws<QemuXenException>(() => KernelModules.LoadOrder(["a"], "a guest", _ => ["a"]));
        Assert.Contains("a depends on itself", circle.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Only_a_bzImage_is_taken_for_a_kernel() =>
        Assert.Throws<InvalidDataException>(() => LinuxKernelImage.Extract(new byte[4096]));

    [Fact]
    public void Zeros_at_the_ends_of_a_kernels_segments_are_left_to_whoever_loads_it()
    {
        byte[] kernel = new byte[1024];
        PutSegment(0, type: 1, offset: 256, fileSize: 64, memorySize: 64);
        PutSegment(1, type: 1, offset: 512, fileSize: 256, memorySize: 256);
        PutSegment(2, type: 4, offset: 256, fileSize: 32, memorySize: 32);
        BitConverter.GetBytes(64L).CopyTo(kernel, 0x20);
        BitConverter.GetBytes(900L).CopyTo(kernel, 0x28);
        kernel[0x38] = 3;
        kernel.AsSpan(256, 64).Fill(1);
        kernel.AsSpan(512, 100).Fill(2);

        byte[] shortened = LinuxKernelImage.Shorten(kernel);

        Assert.Equal(612, shortened.Length);
        Assert.Equal((64, 64, 100, 256, 32), (Size(0, 0x20), Size(0, 0x28), Size(1, 0x20), Size(1, 0x28), Size(2, 0x20)));
        Assert.Equal(0, BitConverter.ToInt64(shortened, 0x28));
        Assert.Equal(kernel[256..612], shortened[256..]);

        long Size(int segment, int field) => BitConverter.ToInt64(shortened, 64 + (segment * 56) + field);

        void PutSegment(int number, int type, long offset, long fileSize, long memorySize)
        {
            int at = 64 + (number * 56);
            BitConverter.GetBytes(type).CopyTo(kernel, at);
            BitConverter.GetBytes(offset).CopyTo(kernel, at + 0x08);
            BitConverter.GetBytes(fileSize).CopyTo(kernel, at + 0x20);
            BitConverter.GetBytes(memorySize).CopyTo(kernel, at + 0x28);
        }
    }

    /// <summary>
    /// An ELF file with a dynamic section: program headers at 64, the section at 256, strings at 1024, loaded at 0x10000.
    /// </summary>
    private static byte[] SharedObject(string? soname, params string[] needed)
    {
        const ulong address = 0x10000;
        byte[] image = new byte[2048];
        new byte[] { 0x7F, (byte)'E', (byte)'L', (byte)'F', 2, 1, 1 }.CopyTo(image, 0);
        Put(32, 64, 8);
        Put(54, 56, 2);
        Put(56, 2, 2);
        int strings = 1025;
        List<(ulong Tag, ulong Value)> dynamic = new();
        foreach (string name in needed)
        {
            dynamic.Add((1, AddString(name)));
        }

        if (soname is not null)
        {
            dynamic.Add((14, AddString(soname)));
        }

        dynamic.Add((5, address + 1024));
        for (int i = 0; i < dynamic.Count; i++)
        {
            Put(256 + (i * 16), dynamic[i].Tag, 8);
            Put(264 + (i * 16), dynamic[i].Value, 8);
        }

        ProgramHeader(64, 1, 0, (ulong)image.Length);
        ProgramHeader(120, 2, 256, (ulong)dynamic.Count * 16);
        return image;

        ulong AddString(string text)
        {
            int at = strings;
            Encoding.ASCII.GetBytes(text, image.AsSpan(at));
            strings += text.Length + 1;
            return (ulong)(at - 1024);
        }

        void ProgramHeader(int at, uint type, ulong offset, ulong size)
        {
            Put(at, type, 4);
            Put(at + 8, offset, 8);
            Put(at + 16, address + offset, 8);
            Put(at + 32, size, 8);
        }

        void Put(int at, ulong value, int size)
        {
            for (int i = 0; i < size; i++)
            {
                image[at + i] = (byte)(value >> (8 * i));
            }
        }
    }
}
