using System.Buffers.Binary;
using System.Text.Json;
using Xenlet.Build;
using Xenlet.Elf;
using Xenlet.Tests;

namespace Xenlet.Guest.Tests;

/// <summary>What Xen's loader finds in a linked image.</summary>
public class ImageTests
{
    /// <summary>XEN_ELFNOTE_PHYS32_ENTRY of Xen's public/elfnote.h.</summary>
    private const uint Phys32Entry = 18;

    private const ulong LinkAddress = 0x200000;
    private const ulong PageSize = 4096;

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task The_entry_note_lies_in_the_first_segment_and_names_code(bool hello)
    {
        ElfImage image = await OpenAsync(hello);
        ElfNote note = Assert.Single(image.Notes(), note => note.Owner == "Xen" && note.Type == Phys32Entry);
        Assert.InRange(note.FileOffset, image.Loads[0].Offset, image.Loads[0].Offset + image.Loads[0].FileSize - 1);
        uint entry = BinaryPrimitives.ReadUInt32LittleEndian(note.Content);
        ElfSegment code = Assert.Single(image.Loads, load => entry >= load.Address && entry < load.Address + load.FileSize);
        Assert.NotEqual(0u, code.Flags & ElfSegment.Executable);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task No_segment_is_both_writable_and_executable_and_no_two_share_a_page(bool hello)
    {
        ElfImage image = await OpenAsync(hello);
        const uint Both = ElfSegment.Executable | ElfSegment.Writable;
        Assert.All(image.Loads, load => Assert.NotEqual(Both, load.Flags & Both));
        Assert.Contains(image.Loads, load => (load.Flags & ElfSegment.Executable) != 0);
        Assert.Contains(image.Loads, load => (load.Flags & ElfSegment.Writable) != 0);
        ElfSegment[] ordered = [.. image.Loads.OrderBy(load => load.Address)];
        for (int i = 1; i < ordered.Length; i++)
        {
            Assert.True(ordered[i - 1].End <= ordered[i].Address / PageSize * PageSize, $"{ordered[i - 1]} and {ordered[i]} share a page");
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task The_image_is_loaded_at_2_MiB_where_it_is_linked_and_needs_no_other_file(bool hello)
    {
        ElfImage image = await OpenAsync(hello);
        Assert.Equal(LinkAddress, image.Loads.Min(load => load.Address));
        Assert.All(image.Loads, load => Assert.Equal(load.Address, load.PhysicalAddress));
        Assert.DoesNotContain(image.Segments, segment => segment.Type is ElfSegment.Dynamic or ElfSegment.Interpreter);
    }

    /// <summary>
    /// The start of the network is compiled into every image whose services start by themselves, if the program uses sockets.
    /// </summary>
    [Fact]
    public async Task An_image_whose_program_uses_no_sockets_has_nothing_of_the_network()
    {
        string symbols = await PublishedImages.RunAsync("nm", [Path.ChangeExtension(await Images.Hello, ".debug")]);
        Assert.Contains("Xenlet_Domain_Xenlet_Domain_ControlServices__", symbols, StringComparison.Ordinal);
        foreach (string part in (string[])["Xenlet_Net_", "Xenlet_Sockets_", "SocketUse__get_", "AutomaticNetwork"])
        {
            Assert.DoesNotContain(part, symbols, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task An_image_built_in_another_directory_is_equal_byte_for_byte_and_so_are_its_symbols()
    {
        string here = await Images.Hello;
        string copy = Directory.CreateTempSubdirectory("another dirëctory ").FullName;
        try
        {
            string list = await PublishedImages.RunAsync(
                "git", ["-C", PublishedImages.RepositoryRoot, "ls-files", "-z", "--cached", "--others", "--exclude-standard"]);
            foreach (string file in list.Split('\0', StringSplitOptions.RemoveEmptyEntries))
            {
                string source = Path.Combine(PublishedImages.RepositoryRoot, file);
                if (File.Exists(source))
                {
                    Directory.CreateDirectory(Path.GetDirectoryName(Path.Combine(copy, file))!);
                    File.Copy(source, Path.Combine(copy, file));
                }
            }

            // The analyzers write nothing, and take two thirds of a compilation's time. A dozen projects are compiled.
            using CompilerServer compiler = new();
            string project = Path.Combine(copy, "samples", "Hello");
            await PublishedImages.RunAsync(
                "dotnet",
                ["publish", project, "-c", "Release", "-p:RunAnalyzers=false", .. compiler.Options, "-v", "quiet", "--nologo", "--tl:off",
                    "-nodeReuse:false", "-m:1"]);
            string there = Path.Combine(project, "bin", "Release", "net10.0", "linux-x64", "publish", "Hello.elf");
            foreach (string extension in (string[])[".elf", ".debug", ".cfg", ".xml"])
            {
                byte[] one = await File.ReadAllBytesAsync(Path.ChangeExtension(here, extension));
                byte[] other = await File.ReadAllBytesAsync(Path.ChangeExtension(there, extension));
                Assert.True(
                    one.AsSpan().SequenceEqual(other), $"Hello{extension} differs from byte {one.AsSpan().CommonPrefixLength(other)} on");
            }
        }
        finally
        {
            Directory.Delete(copy, recursive: true);
        }
    }

    [Fact]
    public async Task Beside_an_image_lies_the_list_of_what_it_was_made_from()
    {
        string[] parts = Parts(await Images.Hello);
        Assert.Superset(
            new HashSet<string>
            {
                "Hello",
                "Microsoft.NETCore.App.Runtime.NativeAOT.linux-x64",
                "Xenlet.Kernel",
                "Xenlet.Kernel.Abstractions",
                "libc6-dev",
            },
            new HashSet<string>(parts));
    }

    [Fact]
    public async Task What_serves_the_tool_stack_by_itself_is_in_an_image_unless_XenletServices_is_false()
    {
        const string Services = "Xenlet.Domain.Automatic";
        Assert.Contains(Services, Parts(await Images.Hello));
        Assert.DoesNotContain(Services, Parts(await Images.Cases));
    }

    /// <summary>samples/Hello draws no random number, the guest image says XenletOpenSsl=digests, and the work uses everything.</summary>
    [Fact]
    public async Task OpenSSL_is_in_the_images_alone_that_may_use_it_and_all_of_it_where_more_than_its_digests_is_used()
    {
        Assert.DoesNotContain("libssl-dev", Parts(await Images.Hello));
        Assert.Contains("libssl-dev", Parts(await Images.Cases));
        Assert.Contains("libssl-dev", Parts(await Images.Work));

        // EVP finds algorithms by name among all of OpenSSL's, and err.o starts all of OpenSSL.
        string digests = await PublishedImages.RunAsync("nm", [Path.ChangeExtension(await Images.Cases, ".debug")]);
        string all = await PublishedImages.RunAsync("nm", [Path.ChangeExtension(await Images.Work, ".debug")]);
        Assert.Contains(" ossl_sha256_functions\n", digests, StringComparison.Ordinal);
        foreach (string function in (string[])["EVP_MD_fetch", "ERR_new", "OPENSSL_init_crypto"])
        {
            Assert.DoesNotContain($" {function}\n", digests, StringComparison.Ordinal);
            Assert.Contains($" {function}\n", all, StringComparison.Ordinal);
        }
    }

    /// <summary>The work names cultures and time zones, samples/Hello does not.</summary>
    [Theory]
    [InlineData("libicu-dev")]
    [InlineData("tzdata")]
    public async Task ICU_and_time_zones_are_in_the_images_alone_whose_project_names_them(string package)
    {
        Assert.DoesNotContain(package, Parts(await Images.Hello));
        Assert.Contains(package, Parts(await Images.Work));
    }

    /// <summary>Names of what an image was made from.</summary>
    private static string[] Parts(string image)
    {
        using JsonDocument list = JsonDocument.Parse(File.ReadAllBytes(Path.ChangeExtension(image, ".cdx.json")));
        return [.. list.RootElement.GetProperty("components").EnumerateArray().Select(part => part.GetProperty("name").GetString()!)];
    }

    private static async Task<ElfImage> OpenAsync(bool hello) => new(hello ? await Images.Hello : await Images.Cases);
}
