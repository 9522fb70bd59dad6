using Xenlet.Elf;
using Xenlet.Tool.Base;
using Xenlet.Tool.Images;

namespace Xenlet.Tool.Tests;

/// <summary>What <c>info</c> finds in images that the machine's own assembler and linker have made.</summary>
public sealed class ImageFileTests : IDisposable
{
    private const string Note = """
        .section .note.Xen, "a", @note
        .long 4, 4, 18
        .asciz "Xen"
        .long _start
        .long 4, 7, 6
        .asciz "Xen"
        .asciz "Xenlet"
        .byte 0
        """;

    private const string Code = """
        .section .text
        .globl _start
        _start: hlt
        .section __managedcode, "ax", @progbits
        .fill 3000, 1, 0x90
        .section .rodata
        .fill 100, 1, 1
        .data
        .fill 200, 1, 1
        .bss
        .fill 5000000, 1, 0
        """;

    private readonly TemporaryDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Fact]
    public async Task Entry_segments_parts_and_the_memory_it_needs_are_what_the_linker_was_told()
    {
        string path = await LinkAsync(Note + "\n" + Code);
        ImageFile image = ImageFile.Read(path);
        ulong start = new ElfReader(File.ReadAllBytes(path), path).Symbols().Single(symbol => symbol.Name == "_start").Address;

        Assert.Equal((start, "Xenlet"), (image.Entry, image.GuestOs));
        Assert.Equal(40, image.BuildId?.Length);
        Assert.Contains(
            image.Segments, segment => (segment.Flags & (ElfSegment.Executable | ElfSegment.Writable)) == ElfSegment.Executable);
        Assert.Equal(3000UL, image.Parts.Single(part => part.Name.StartsWith("managed code", StringComparison.Ordinal)).Size);
        Assert.Equal(5000000UL, image.Parts.Single(part => part.Name.StartsWith("zeroed", StringComparison.Ordinal)).Size);

        // 5,000,000 bytes are 4.8 MiB, and the runtime needs 3 beside them.
        Assert.Equal(8, image.LeastMemoryMiB);
        Assert.Equal(0x200000UL, image.Start);
        Assert.InRange(image.End, image.Start + 5000000, image.Start + 5000000 + 0x5000);
    }

    [Fact]
    public async Task Files_and_variables_are_those_that_the_linker_tool_put_in()
    {
        // As linker/Files/FileSection.cs describes it: counts and places, an entry for a file, then strings and contents.
        const string Section = """
            .section .xenlet.files, "a", @progbits
            begin: .long 1, 16, 2, variables - begin
            .long path - begin, 4
            .quad content - begin, 5, 978307200
            variables: .asciz "A=1"
            .asciz "B=two words"
            path: .ascii "data"
            content: .ascii "hello"
            """;

        ImageFile image = ImageFile.Read(await LinkAsync($"{Note}\n{Code}\n{Section}\n"));

        Assert.Equal(["A=1", "B=two words"], image.Contents.Variables);
        Assert.Equal([("data", 5)], image.Contents.Files);
        Assert.Contains(
            "variables, for what the domain's command line does not set\n  A=1\n  B=two words\nfiles in /app\n             5 bytes  data\n",
            ImageReport.Format(image, list: null),
            StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("1, 16, 0, 16")]
    [InlineData("0, 16, 1, 16")]
    [InlineData("0, 16, 1, -1")]
    [InlineData("1, 1000, 0, 16")]
    public async Task Files_and_variables_outside_their_section_are_refused(string header)
    {
        string path = await LinkAsync($"{Note}\n{Code}\n.section .xenlet.files, \"a\", @progbits\n.long {header}\n");

        Assert.Equal(
            $"{path} has a section .xenlet.files that is damaged.", Assert.Throws<ToolException>(() => ImageFile.Read(path)).Message);
    }

    [Fact]
    public async Task An_image_without_an_entry_for_Xen_is_refused_and_so_is_what_is_no_ELF_file()
    {
        string other = await LinkAsync(Code);
        string text = _directory.Write("text", "hello");

        Assert.Equal(
            $"{other} is no image of a Xen guest: it has no note XEN_ELFNOTE_PHYS32_ENTRY, where Xen would enter it.",
            Assert.Throws<ToolException>(() => ImageFile.Read(other)).Message);
        Assert.Contains(text, Assert.Throws<ToolException>(() => ImageFile.Read(text)).Message, StringComparison.Ordinal);
        Assert.Contains("/nowhere", Assert.Throws<ToolException>(() => ImageFile.Read("/nowhere")).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_image_cut_short_anywhere_is_refused()
    {
        byte[] whole = File.ReadAllBytes(await LinkAsync(Note + "\n" + Code));
        string path = _directory["cut"];
        for (int length = 0; length < whole.Length; length += 97)
        {
            File.WriteAllBytes(path, whole[..length]);
            Assert.Throws<ToolException>(() => ImageFile.Read(path));
        }
    }

    [Theory]
    [InlineData("/a/App.elf", "/a/App.cdx.json")]
    [InlineData("/a/App", "/a/App.cdx.json")]
    [InlineData("/a/My.App", "/a/My.App.cdx.json")]
    public void The_list_of_components_lies_beside_the_image(string image, string list) =>
        Assert.Equal(list, ComponentList.PathBeside(image));

    [Theory]
    [InlineData("{")]
    [InlineData("{}")]
    [InlineData("""{"metadata": {"component": {"name": "a", "version": "1"}}, "components": 7}""")]
    [InlineData("""{"metadata": {"component": {"name": "a", "version": 1}}, "components": []}""")]
    public void A_list_that_is_none_is_named(string text)
    {
        string list = _directory.Write("App.cdx.json", text);

        ToolException failure = Assert.Throws<ToolException>(() => ComponentList.FindBeside(_directory["App.elf"]));
        Assert.StartsWith(list, failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Without_a_list_nothing_is_known_of_versions() => Assert.Null(ComponentList.FindBeside(_directory["App.elf"]));

    private async Task<string> LinkAsync(string source)
    {
        string image = _directory["image"];
        await PublishedImages.RunAsync("as", [_directory.Write("image.s", source + "\n"), "-o", image + ".o"]);
        await PublishedImages.RunAsync(
            "ld",
            ["--build-id", "-z", "noseparate-code", "-Ttext-segment=0x200000", image + ".o", "-o", image]);
        return image;
    }
}
