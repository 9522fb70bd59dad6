using System.Globalization;
using Xenlet.Elf;
using Xenlet.Symbols;

namespace Xenlet.Tool.Tests;

/// <summary>Symbols of objects that the machine's own assembler and tools have made, compared with what nm says.</summary>
public sealed class ElfSymbolTableTests : IAsyncLifetime, IDisposable
{
    private const string Source = """
        .text
        .globl first
        .type first, @function
        first: .fill 16, 1, 0x90
        .size first, 16
        .fill 16, 1, 0x90
        label: .fill 8, 1, 0x90
        .section __managedcode, "ax", @progbits
        .type Some_Type__Method, @function
        Some_Type__Method: .fill 32, 1, 0x90
        .size Some_Type__Method, 32
        .globl _start
        _start: nop
        """;

    private readonly TemporaryDirectory _directory = new();

    private string Linked => Path.Combine(_directory.Path, "image");

    private string Symbols => Path.Combine(_directory.Path, "image.debug");

    public async Task InitializeAsync()
    {
        string source = _directory.Write("image.s", Source + "\n");
        await RunAsync("gcc", "-c", source, "-o", Linked + ".o");
        await RunAsync("ld", "-Ttext=0x200000", Linked + ".o", "-o", Linked);
        await RunAsync("objcopy", "--only-keep-debug", Linked, Symbols);
    }

    public Task DisposeAsync() => Task.CompletedTask;

    public void Dispose() => _directory.Dispose();

    [Theory]
    [InlineData("first", 0, "first+0")]
    [InlineData("first", 15, "first+15")]
    [InlineData("first", 16, null)]
    [InlineData("label", 0, "label+0")]
    [InlineData("label", 7, "label+7")]
    [InlineData("label", 8, "Some.Type.Method+0")]
    [InlineData("Some_Type__Method", 31, "Some.Type.Method+31")]
    [InlineData("_start", 0, "_start+0")]
    [InlineData("first", -1, null)]
    public async Task An_address_is_named_by_the_function_that_covers_it(string symbol, int offset, string? expected)
    {
        ulong address = await AddressOfAsync(symbol);

        foreach (string file in (string[])[Linked, Symbols])
        {
            SymbolOffset? found = Read(file).Find(address + (ulong)(long)offset);
            Assert.Equal(expected, found is { } named ? string.Create(CultureInfo.InvariantCulture, $"{named.Name}+{named.Offset}") : null);
        }
    }

    [Fact]
    public async Task A_file_without_symbols_says_so()
    {
        await RunAsync("strip", Linked);

        InvalidDataException failure = Assert.Throws<InvalidDataException>(() => Read(Linked));
        Assert.Contains("no symbol table", failure.Message, StringComparison.Ordinal);
        Assert.Contains(Linked, failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_file_cut_short_anywhere_is_refused_and_never_misread()
    {
        byte[] whole = File.ReadAllBytes(Linked);
        string path = Path.Combine(_directory.Path, "cut");
        for (int length = 0; length < whole.Length; length += 97)
        {
            File.WriteAllBytes(path, whole[..length]);
            Assert.Throws<InvalidDataException>(() => Read(path));
        }
    }

    private static ElfSymbolTable Read(string path) => ElfSymbolTable.Read(new ElfReader(File.ReadAllBytes(path), path));

    private static Task<string> RunAsync(string command, params string[] arguments) => PublishedImages.RunAsync(command, arguments);

    private async Task<ulong> AddressOfAsync(string symbol)
    {
        string names = await PublishedImages.RunAsync("nm", [Linked]);
        string line = names.Split('\n').Single(line => line.EndsWith(" " + symbol, StringComparison.Ordinal));
        return ulong.Parse(line.Split(' ')[0], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture);
    }
}
