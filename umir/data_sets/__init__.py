"""Public data sets, through the field's own loaders: what there is, and its examples for a task."""

from umir.data_sets.catalogue import DATA_SETS as DATA_SETS
from umir.data_sets.catalogue import get_data_set as get_data_set
from umir.data_sets.data_set import DataSet as DataSet
from umir.data_sets.data_set import DataSetError as DataSetError
from umir.data_sets.data_set import Labelling as Labelling
from umir.data_sets.data_set import labelling as labelling
from umir.data_sets.data_set_folder import DataSetFolder as DataSetFolder
from umir.data_sets.data_set_folder import folder_of as folder_of
from umir.data_sets.data_set_folder import open_data_set as open_data_set
