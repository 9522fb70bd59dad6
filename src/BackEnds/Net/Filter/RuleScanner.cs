using System.Globalization;
using Xenlet.Kernel;

namespace Xenlet.BackEnds.Net.Filter;

/// <summary>The words of rules: between blanks, a rule in each line or between semicolons, comments behind <c>#</c>.</summary>
internal sealed class RuleScanner(string text)
{
    private const int MostInList = 64;
    private const int MostShown = 40;

    private int _position;
    private int _line = 1;
    private int _lineStart;
    private int _wordStart;

    /// <summary>The word; it is empty at the end of a rule.</summary>
    public string Word { get; private set; } = "";

    /// <summary>Goes to the first word of the next rule; false if there is none.</summary>
    public bool NextRule()
    {
        while (true)
        {
            Advance();
            if (Word.Length > 0)
            {
                return true;
            }

            if (_position >= text.Length)
            {
                return false;
            }

            if (text[_position++] == '\n')
            {
                _line++;
                _lineStart = _position;
            }
        }
    }

    /// <summary>Goes to the next word of the rule; it is empty at the rule's end.</summary>
    public void Advance()
    {
        while (_position < text.Length && text[_position] is ' ' or '\t' or '\r')
        {
            _position++;
        }

        _wordStart = _position;
        if (_position < text.Length && text[_position] == '#')
        {
            int end = text.IndexOf('\n', _position);
            _position = end < 0 ? text.Length : end;
        }

        int start = _position;
        while (_position < text.Length && text[_position] is not (' ' or '\t' or '\r' or '\n' or ';' or '#'))
        {
            _position++;
        }

        Word = text[start.._position];
    }

    /// <summary>Goes on if the word is this one.</summary>
    public bool TakeWord(string word)
    {
        if (Word != word)
        {
            return false;
        }

        Advance();
        return true;
    }

    /// <summary>Reads a number, and goes on.</summary>
    public int ReadNumber(string expected, int most)
    {
        int number = Number(expected, most);
        Advance();
        return number;
    }

    private int Number(string expected, int most) =>
        int.TryParse(Word, NumberStyles.None, CultureInfo.InvariantCulture, out int number) && number <= most ? number
            : throw Expected(expected);

    /// <summary>Reads a number that begins within the word.</summary>
    public int NumberWithin(int start, string expected, int most)
    {
        (string whole, int wordStart) = (Word, _wordStart);
        (Word, _wordStart) = (whole[start..], wordStart + start);
        int number = Number(expected, most);
        (Word, _wordStart) = (whole, wordStart);
        return number;
    }

    /// <summary>Reads the parts of a word between commas. An error is at its part.</summary>
    public void ReadList(Action<string> read)
    {
        if (Word.Length == 0)
        {
            read("");
            return;
        }

        string[] parts = Word.Split(',');
        if (parts.Length > MostInList)
        {
            throw Wrong(string.Create(CultureInfo.InvariantCulture, $"a list has more than {MostInList} parts"));
        }

        foreach (string part in parts)
        {
            if (part.Length == 0)
            {
                throw Wrong("a part of the list is empty");
            }

            Word = part;
            read(part);
            _wordStart += part.Length + 1;
        }

        Advance();
    }

    /// <summary>An error: something else should be here.</summary>
    public FilterSyntaxException Expected(string what) =>
        Wrong($"expected {what}, found {(Word.Length == 0 ? "the end of the rule" : $"'{Shown(Word)}'")}");

    /// <summary>An error at the word.</summary>
    public FilterSyntaxException Wrong(string problem) => new(_line, _wordStart - _lineStart + 1, problem);

    /// <summary>A word for people to read.</summary>
    public static string Shown(string word) =>
        ForeignText.Escape(word.Length <= MostShown ? word : word[..MostShown] + "...");
}
