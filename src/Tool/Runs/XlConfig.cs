using System.Globalization;
using System.Text;
using Xenlet.Tool.Base;

namespace Xenlet.Tool.Runs;

/// <summary>A value of xl's configuration language, with the line it begins in.</summary>
/// <param name="Line">Counted from 1.</param>
/// <param name="Texts">The strings and numbers of a list, or the only one.</param>
/// <param name="IsList">Whether it is a list.</param>
internal sealed record XlValue(int Line, IReadOnlyList<string> Texts, bool IsList);

/// <summary>A file for <c>xl create</c>: the values that it sets (xl.cfg(5), "SYNTAX").</summary>
internal sealed class XlConfig
{
    private readonly Dictionary<string, XlValue> _values = new(StringComparer.Ordinal);
    private readonly string _text;
    private int _position;
    private int _line = 1;

    private XlConfig(string path, string text)
    {
        Path = path;
        _text = text;
        while (SkipBlanks(andLines: true))
        {
            ReadAssignment();
        }
    }

    /// <summary>The file, as it was named.</summary>
    public string Path { get; }

    private char Current => _position < _text.Length ? _text[_position] : '\0';

    /// <summary>Reads a file.</summary>
    /// <exception cref="ToolException">It cannot be read, or a line of it is not understood; the message names file and line.</exception>
    public static XlConfig Read(string path)
    {
        try
        {
            return new(path, File.ReadAllText(path));
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            throw new ToolException(failure.Message);
        }
    }

    /// <summary>A string or number; null if it is not set.</summary>
    /// <exception cref="ToolException">It is a list.</exception>
    public string? Text(string key) => _values.GetValueOrDefault(key) switch
    {
        null => null,
        { IsList: false } value => value.Texts[0],
        { } list => throw Wrong(list.Line, $"'{key}' is to be one value, not a list"),
    };

    /// <summary>A number; null if it is not set.</summary>
    /// <exception cref="ToolException">It is none from 1 to <paramref name="maximum"/>.</exception>
    public int? Number(string key, int maximum)
    {
        if (Text(key) is not { } text)
        {
            return null;
        }

        bool isNumber = text.StartsWith("0x", StringComparison.Ordinal)
            ? int.TryParse(text[2..], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out int number)
            : int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out number);
        return isNumber && number >= 1 && number <= maximum
            ? number
            : throw Wrong(LineOf(key), string.Create(CultureInfo.InvariantCulture, $"{key} = {text} is no number from 1 to {maximum}"));
    }

    /// <summary>A list's strings, or the only one; none if it is not set.</summary>
    public IReadOnlyList<string> List(string key) => _values.GetValueOrDefault(key)?.Texts ?? [];

    /// <summary>The line in which a key is set.</summary>
    public int LineOf(string key) => _values[key].Line;

    /// <summary>What to throw for a line that says something wrong.</summary>
    public ToolException Wrong(int line, string what) => new(string.Create(CultureInfo.InvariantCulture, $"{Path}:{line}: {what}"));

    private void ReadAssignment()
    {
        int line = _line;
        string key = ReadWord();
        if (key.Length == 0)
        {
            throw Wrong(_line, $"a setting is to begin with its name, not with '{Current}'");
        }

        SkipBlanks(andLines: false);
        if (Current != '=')
        {
            throw Wrong(_line, $"'=' is missing behind '{key}'");
        }

        _position++;
        SkipBlanks(andLines: false);
        XlValue value = Current == '[' ? ReadList(line) : new(line, [ReadText()], IsList: false);
        if (!_values.TryAdd(key, value))
        {
            throw Wrong(line, $"'{key}' is set a second time, first in line {LineOf(key)}");
        }

        SkipBlanks(andLines: false);
        if (Current is not ('\0' or '\n' or ';'))
        {
            throw Wrong(_line, $"the value of '{key}' is followed by '{Current}'");
        }
    }

    private XlValue ReadList(int line)
    {
        _position++;
        List<string> texts = [];
        while (true)
        {
            if (!SkipBlanks(andLines: true))
            {
                throw Wrong(line, "a list that begins here has no ']'");
            }

            if (Current == ']')
            {
                _position++;
                return new(line, texts, IsList: true);
            }

            texts.Add(ReadText());
            SkipBlanks(andLines: true);
            if (Current == ',')
            {
                _position++;
            }
            else if (Current != ']')
            {
                throw Wrong(_line, "',' or ']' is missing in a list");
            }
        }
    }

    private string ReadText()
    {
        if (Current is not ('"' or '\''))
        {
            string word = ReadWord();
            return word.Length > 0 ? word : throw Wrong(_line, "a value is missing: a number, a string in quotes, or a list");
        }

        char quote = Current;
        _position++;
        StringBuilder text = new();
        while (Current != quote)
        {
            if (Current is '\0' or '\n')
            {
                throw Wrong(_line, $"a string has no {quote} at its end");
            }

            text.Append(Current == '\\' ? ReadEscape() : Current);
            _position++;
        }

        _position++;
        return text.ToString();
    }

    private char ReadEscape()
    {
        _position++;
        return Current switch
        {
            '\\' or '"' or '\'' => Current,
            'n' => '\n',
            't' => '\t',
            _ => throw Wrong(_line, $"a string has a \\ that is followed by none of \\ \" ' n t"),
        };
    }

    private string ReadWord()
    {
        int start = _position;
        while (char.IsAsciiLetterOrDigit(Current) || Current is '_' or '-' or '.')
        {
            _position++;
        }

        return _text[start.._position];
    }

    /// <summary>Goes on to what counts; false at the end.</summary>
    private bool SkipBlanks(bool andLines)
    {
        while (_position < _text.Length)
        {
            if (Current == '#')
            {
                while (_position < _text.Length && Current != '\n')
                {
                    _position++;
                }
            }
            else if (Current is ' ' or '\t' or '\r' || (andLines && Current is '\n' or ';'))
            {
                _line += Current == '\n' ? 1 : 0;
                _position++;
            }
            else
            {
                return true;
            }
        }

        return false;
    }
}
