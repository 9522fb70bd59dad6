namespace Xenlet.Fuzz.Planted;

/// <summary>
/// A fault behind seven branches, one byte each: blind chance needs 2^56 inputs, who sees each branch taken needs some thousands.
/// </summary>
internal static class Maze
{
    public static void Run(byte[] input)
    {
        if (input.Length > 6 && input[0] == 'p')
        {
            if (input[1] == 'l')
            {
                if (input[2] == 'a')
                {
                    if (input[3] == 'n')
                    {
                        if (input[4] == 't')
                        {
                            if (input[5] == 'e')
                            {
                                if (input[6] == 'd')
                                {
                                    throw new FormatException("the end of the maze");
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}
