using System.Globalization;
using Xenlet.Elf;
using Xenlet.Symbols;

namespace Xenlet.Tool.Tests;

/// <summary>
/// Line tables of each version of DWARF that the machine's own assembler has made, read as binutils' addr2line reads them.
/// </summary>
public sealed class LineTableTests : IDisposable
{
    // One source for two functions and a third without lines, far jumps in addresses and lines, forth and back.
    private const string Source = """
        .file 1 "/_/src/First.cs"
        .file 2 "/_/src/deep/Second.cs"
        .section __managedcode, "ax", @progbits
        .type first, @function
        first:
        .loc 1 10
        nop
        .loc 1 12
        .fill 300, 1, 0x90
        .loc 2 90000
        nop
        .loc 1 3
        nop
        .size first, . - first
        .type bare, @function
        bare: nop
        .size bare, . - bare
        .globl _start
        .type _start, @function
        _start:
        .loc 2 7
        nop
        .loc 2 8
        nop
        .size _start, . - _start
        """;

    private readonly TemporaryDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Theory]
    [InlineData("-gdwarf-2")]
    [InlineData("-gdwarf-3")]
    [InlineData("-gdwarf-4")]
    [InlineData("-gdwarf-5")]
    [InlineData("-gdwarf-5", "--compress-debug-sections=zlib")]
    public async Task Each_address_has_the_line_that_addr2line_gives_it(params string[] options)
    {
        string image = await LinkAsync(options);
        ElfReader file = new(File.ReadAllBytes(image), image);
        LineTable lines = LineTable.Read(file, image);
        ElfSymbol[] functions = [.. file.Symbols().Where(symbol => symbol.Type == ElfSymbol.Function && symbol.Name != "bare")];
        ulong[] addresses = [.. functions.SelectMany(
            function => Enumerable.Range(0, (int)function.Size).Select(offset => function.Address + (ulong)offset))];
        string said = await PublishedImages.RunAsync(
            "addr2line", ["-e", image, .. addresses.Select(address => address.ToString("x", CultureInfo.InvariantCulture))]);

        Assert.Equal(2, functions.Length);
        Assert.Equal(
            said.Split('\n', StringSplitOptions.RemoveEmptyEntries),
            addresses.Select(address => lines.Find(address, 0) is { } line
                ? string.Create(CultureInfo.InvariantCulture, $"{line.File}:{line.Line}")
                : "?"));
    }

    [Fact]
    public async Task A_function_without_lines_does_not_get_those_of_the_one_before()
    {
        string image = await LinkAsync("-gdwarf-4");
        ElfReader file = new(File.ReadAllBytes(image), image);
        ElfSymbol bare = file.Symbols().Single(symbol => symbol.Name == "bare");

        Assert.Null(LineTable.Read(file, image).Find(bare.Address, bare.Address));
        Assert.NotNull(LineTable.Read(file, image).Find(bare.Address, 0));
    }

    [Fact]
    public async Task A_return_address_is_of_the_call_before_it_and_the_first_of_a_trace_is_where_the_code_is()
    {
        string image = await LinkAsync("-gdwarf-5");
        ElfSymbol start = new ElfReader(File.ReadAllBytes(image), image).Symbols().Single(symbol => symbol.Name == "_start");
        ImageSymbols symbols = ImageSymbols.Read(image);

        Assert.Equal("_start+0x1 (/_/src/deep/Second.cs:8)", symbols.Describe(start.Address + 1, isReturnAddress: false));
        Assert.Equal("_start+0x1 (/_/src/deep/Second.cs:7)", symbols.Describe(start.Address + 1, isReturnAddress: true));
        Assert.Equal("bare+0x1", symbols.Describe(start.Address, isReturnAddress: true));
    }

    [Fact]
    public async Task A_table_cut_short_anywhere_is_refused_with_the_name_of_its_file()
    {
        string image = await LinkAsync("-gdwarf-5");
        ElfReader file = new(File.ReadAllBytes(image), image);
        byte[] table = file.Contents(file.FindSection(".debug_line")!.Value).ToArray();
        LineTexts texts = new(file.Contents(file.FindSection(".debug_line_str")!.Value), default);
        for (int length = 1; length < table.Length; length++)
        {
            Assert.Throws<InvalidDataException>(() => LineProgram.ReadAll(table.AsSpan(0, length), texts, []));
        }

        byte[] damaged = File.ReadAllBytes(image);
        damaged[damaged.AsSpan().IndexOf(table) + 4] = 77;
        InvalidDataException failure =
            Assert.Throws<InvalidDataException>(() => LineTable.Read(new ElfReader(damaged, "some.debug"), "some.debug"));
        Assert.Equal("some.debug: the table of lines (.debug_line) is of version 77, and 2 to 5 are known.", failure.Message);
    }

    private async Task<string> LinkAsync(params string[] options)
    {
        string source = _directory.Write("lines.s", Source + "\n");
        string image = _directory["lines"];
        await PublishedImages.RunAsync("as", [.. options, source, "-o", image + ".o"]);
        await PublishedImages.RunAsync("ld", ["-Ttext=0x200000", image + ".o", "-o", image]);
        return image;
    }
}
