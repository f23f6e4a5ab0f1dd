#include "lm/word_ngram.h"
#include <gtest/gtest.h>
