using System.Buffers.Binary;
using System.Text;
using Xenlet.Linker.Cultures;

namespace Xenlet.Linker.Tests;

/// <summary>The part of ICU's data that an image has.</summary>
public sealed class CultureDataTests
{
    private static readonly string[] Items =
    [
        "root.res", "pool.res", "supplementalData.res", "en.res", "en_US.res", "en_GB.res", "de.res", "de_AT.res", "den.res",
        "fr.res", "no.res", "nb.res", "zh_Hant_TW.res",
        "zh.res", "coll/root.res", "coll/de_.res", "coll/de__PHONEBOOK.res", "coll/ucadata.icu", "curr/de.res", "lang/fr.res",
        "unit/de.res", "rbnf/de.res", "translit/root.res", "brkitr/char.brk", "brkitr/cjdict.dict", "ibm-37.cnv",
        "res_index.res", "coll/res_index.res",
    ];

    private static readonly string[] Always =
        ["root.res", "pool.res", "supplementalData.res", "en.res", "en_US.res", "coll/root.res", "coll/ucadata.icu", "brkitr/char.brk"];

    [Theory]
    [InlineData("de", "de.res de_AT.res coll/de_.res coll/de__PHONEBOOK.res curr/de.res")]
    [InlineData("fr", "fr.res lang/fr.res")]
    [InlineData("nb", "no.res nb.res")]
    [InlineData("zh", "zh_Hant_TW.res zh.res")]
    public void A_language_brings_its_regions_and_scripts_and_of_ICUs_trees_those_that_dotnet_reads(string language, string expected)
    {
        IReadOnlyList<string> chosen = CultureItems.Choose(Items, [language]);
        Assert.Equal(
            Always.Concat(expected.Split(' ')).Order(StringComparer.Ordinal), chosen.Order(StringComparer.Ordinal));
    }

    [Fact]
    public void The_lists_of_a_tree_have_its_locales_alone()
    {
        string[] items = ["de.res", "de_AT.res", "root.res", "coll/de_.res", "supplementalData.res"];
        Dictionary<string, string> indexes = CultureItems.Indexes(items)
            .ToDictionary(index => index.Tree, index => string.Join(' ', index.Locales));
        Assert.Equal(("de de_AT", "de_", ""), (indexes[""], indexes["coll/"], indexes["curr/"]));
    }

    [Theory]
    [InlineData("de-AT", "de")]
    [InlineData("zh-Hant-TW", "zh")]
    [InlineData("DE", "de")]
    public void A_culture_is_one_of_its_language(string culture, string language) =>
        Assert.Equal(language, CultureItems.LanguageOf(culture));

    [Fact]
    public void A_package_that_is_written_has_the_items_that_were_read_in_the_order_of_their_names_and_aligned()
    {
        byte[] bytes = IcuPackage.Read(Package(("b.res", [1, 2, 3]), ("a.res", new byte[20]), ("coll/a.res", [9]))).Write();
        IcuPackage read = IcuPackage.Read(bytes);
        Assert.Equal(["a.res", "b.res", "coll/a.res"], read.Items.Keys);
        Assert.Equal([1, 2, 3], read.Items["b.res"].ToArray()[..3]);
        Assert.Equal(9, read.Items["coll/a.res"].Span[0]);
        for (int i = 0; i < 3; i++)
        {
            Assert.Equal(0, BinaryPrimitives.ReadInt32LittleEndian(bytes.AsSpan(32 + 8 + (8 * i))) % 16);
        }
    }

    [Fact]
    public void What_is_no_package_is_refused() =>
        Assert.Contains(
            "CmnD", Assert.Throws<InvalidDataException>(() => IcuPackage.Read(new byte[100])).Message, StringComparison.Ordinal);

    /// <summary>A header of 32 bytes and, as written here, items in order.</summary>
    private static byte[] Package(params (string Name, byte[] Content)[] items)
    {
        byte[] header = new byte[32];
        header[0] = 32;
        (header[2], header[3]) = (0xda, 0x27);
        "CmnD"u8.CopyTo(header.AsSpan(12));
        byte[] empty = [.. header, 0, 0, 0, 0];
        IcuPackage nothing = IcuPackage.Read(empty);
        return nothing.With(items.ToDictionary(
            item => "icudt99l/" + item.Name, item => (ReadOnlyMemory<byte>)item.Content, StringComparer.Ordinal)).Write();
    }
}
